import { isOwnlineError } from "../errors.ts";
import { isMessagingService, normalizeAddress } from "./phone-number.ts";

/** A number, short code, channel address or Messaging Service that the account owns. */
export interface SenderConfig {
  /** For example `+15703251809`, `384387`, `whatsapp:+15703251809` or `MG…`. */
  readonly address: string;
  /**
   * The Messaging Service that the number belongs to. A conversation is then one with the whole service. Consent is
   * stored under the number and the service, and both are checked. An opt-out covers the whole service, as at Twilio
   * (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
   */
  readonly service?: string;
  /**
   * How many segments per second the provider takes from this number, where that differs from the rate of its kind. A
   * long code with a registered campaign may have more than one. @default by its kind, see `sending.rateLimit`
   */
  readonly ratePerSecond?: number;
}

/** A sender as it is written in the options. */
export type SenderInput = string | SenderConfig;

/**
 * Finds a sender by its address, for example in a database of tenants. Return `undefined` where the address is not
 * yours. The address is a number, or the id of a Messaging Service where a text came through one. The function is
 * called often, so cache its answers.
 */
export type SenderResolver = (address: string) => Promise<SenderConfig | undefined> | SenderConfig | undefined;

/** Senders that your service stores elsewhere. With `list`, their lost webhooks are looked for. */
export interface SenderDirectory {
  /** Finds one sender by its address. Only this function decides which addresses are senders. */
  readonly resolve: SenderResolver;
  /**
   * Lists the senders, each written as in the array form: `["+15703251809", { address: "+15703251810" }]`. The list may
   * be empty. The function is called at each sweep: every `sweep.everyMs` (60 000 ms) in a started process, at each
   * `processDue()`, and at `recover()`. It is not called for a webhook or a send.
   *
   * Where it throws, or does not return a list, `invalid_options` is reported. That sweep ends, and all other work goes
   * on. An entry that is not a sender, or that `resolve` does not know, is skipped and reported once per process.
   *
   * @default none: lost webhooks are not looked for
   */
  readonly list?: (() => Promise<readonly SenderInput[]> | readonly SenderInput[]) | undefined;
}

/** The addresses that a list of senders allows as `from`; any string where they come from a resolver. */
export type SenderAddress<Senders> = Senders extends readonly (infer Item)[]
  ? Item extends { readonly address: infer Address extends string }
    ? Address
    : Item extends string
      ? Item
      : never
  : string;

/** The conversation's line: its Messaging Service where one is configured, else the number. */
export function lineOf(sender: SenderConfig): string {
  return sender.service ?? sender.address;
}

/** The fault of a sender's address, with its remedy; `undefined` where there is none. */
export function senderAddressFault(address: string): string | undefined {
  try {
    normalizeAddress(address, "The address");
    return undefined;
  } catch (error) {
    if (!isOwnlineError(error)) throw error;
    return `a sender is a number in E.164 (+15703251809), a short code, a channel address (whatsapp:+15703251809) or a Messaging Service (MG…). ${error.message}`;
  }
}

/** The fault of a sender's `service`, with its remedy; `undefined` where there is none. */
export function serviceFault(service: string): string | undefined {
  if (isMessagingService(service)) return undefined;
  return 'a service is a Messaging Service\'s id, which starts with "MG" and has 32 hexadecimal digits';
}
