/** By which the provider knows when a request left, in Unix milliseconds. Of the harness alone. */
export const LEFT_AT_HEADER = "x-faults-left-at";

/** How badly a number's network behaves. Rates are chances from 0 to 1. */
export interface Network {
  /** Requests to send that are refused with 429, and what they say in Retry-After. */
  readonly tooMany: number;
  readonly retryAfterSeconds: number;
  /** The connection breaks, before or after the text was taken. */
  readonly dropBefore: number;
  readonly dropAfter: number;
  /** HTTP 500, before or after the text was taken. */
  readonly errorBefore: number;
  readonly errorAfter: number;
  /** No answer ever comes, and the text was not taken, or was. */
  readonly hangBefore: number;
  readonly hangAfter: number;
  /** The longest time that a good answer takes. */
  readonly answerMs: number;
  /** How long a text is missing in the list. */
  readonly listLagMs: number;
  /** Lists that answer HTTP 503. */
  readonly listError: number;
  /** Texts about which no callback ever comes. */
  readonly callbackLoss: number;
  readonly callbackTwice: number;
  /** Texts whose callbacks come last first. */
  readonly callbackReorder: number;
  /** Texts whose first callback comes before the answer to the request. */
  readonly callbackEarly: number;
  /** Texts about which a stranger posts a callback with a wrong signature. */
  readonly callbackForged: number;
  /** The longest time until a callback. */
  readonly callbackMs: number;
  /** Webhooks about a person's text that come twice, or never. */
  readonly webhookTwice: number;
  readonly webhookLoss: number;
  /** The waits before each retry of a webhook that got no 200: as many as Twilio's `rc=5` has. */
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

/** A number of ours at the provider. */
export interface Line {
  readonly number: string;
  /** What is in the provider's console, and what is signed. */
  readonly publicUrl: string;
  /** Ports of the application's processes on this machine, asked in turn, as a load balancer does. */
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
