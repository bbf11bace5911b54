/** The header by which the provider knows when a request left, in Unix milliseconds. Only the harness uses it. */
export const LEFT_AT_HEADER = "x-faults-left-at";

/** The faults of a number's network. Rates are chances from 0 to 1. */
export interface Network {
  /** Requests to send that are refused with 429, and the value of Retry-After. */
  readonly tooMany: number;
  readonly retryAfterSeconds: number;
  /** The connection breaks, before or after the provider took the text. */
  readonly dropBefore: number;
  readonly dropAfter: number;
  /** HTTP 500, before or after the provider took the text. */
  readonly errorBefore: number;
  readonly errorAfter: number;
  /** No answer comes, and the provider has not taken the text, or has. */
  readonly hangBefore: number;
  readonly hangAfter: number;
  /** The longest time for a successful answer. */
  readonly answerMs: number;
  /** How long the list does not show a new text. */
  readonly listLagMs: number;
  /** Reads of the list that get HTTP 503. */
  readonly listError: number;
  /** Texts about which no callback comes. */
  readonly callbackLoss: number;
  readonly callbackTwice: number;
  /** Texts whose callbacks come in reverse order. */
  readonly callbackReorder: number;
  /** Texts whose first callback comes before the answer to the request. */
  readonly callbackEarly: number;
  /** Texts about which a forged callback comes, with a wrong signature. */
  readonly callbackForged: number;
  /** The longest time until a callback. */
  readonly callbackMs: number;
  /** Webhooks about a person's text that come twice, or never come. */
  readonly webhookTwice: number;
  readonly webhookLoss: number;
  /** The waits before each retry of a webhook that got no 200. There are as many as with Twilio's `rc=5`. */
  readonly webhookRetryMs: readonly number[];
  /** How long the provider waits for a webhook's answer. */
  readonly webhookTimeoutMs: number;
}

export const calm: Network = {
  tooMany: 0,
  retryAfterSeconds: 0,
  dropBefore: 0,
  dropAfter: 0,
  errorBefore: 0,
  errorAfter: 0,
  hangBefore: 0,
  hangAfter: 0,
  answerMs: 20,
  listLagMs: 200,
  listError: 0,
  callbackLoss: 0,
  callbackTwice: 0,
  callbackReorder: 0,
  callbackEarly: 0,
  callbackForged: 0,
  callbackMs: 60,
  webhookTwice: 0,
  webhookLoss: 0,
  webhookRetryMs: [150, 300, 700, 1500, 3000],
  webhookTimeoutMs: 3000,
};

/** One of the application's numbers at the provider. */
export interface Line {
  readonly number: string;
  /** The URL in the provider's console, which is the one that is signed. */
  readonly publicUrl: string;
  /** The ports of the application's processes on this machine. The provider uses them in turn, like a load balancer. */
  readonly backends: readonly number[];
  readonly network: Network;
}

export interface ProviderSettings {
  readonly ledgerFile: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly seed: number;
}

/** Numbers in [0, 1), the same for the same seed. */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
