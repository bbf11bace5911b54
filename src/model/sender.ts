import { isOwnlineError } from "../errors.ts";
import { isMessagingService, normalizeAddress } from "./phone-number.ts";

/** A number, short code, channel address or Messaging Service that the account owns. */
export interface SenderConfig {
  /** For example `+15703251809`, `384387`, `whatsapp:+15703251809` or `MG…`. */
  readonly address: string;
  /**
   * The Messaging Service that the number belongs to. Conversations are then kept for the whole service. Consent is
   * filed under the number and the service, and both are asked: an opt-out covers the whole service, as at Twilio
   * (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
   */
  readonly service?: string;
  /**
   * How many segments a second the provider takes from this number, if not what its kind suggests: a long code with a
   * registered campaign may have more than one. @default by its kind, see `sending.rateLimit`
   */
  readonly ratePerSecond?: number;
}

/** A sender as it is written in the options. */
export type SenderInput = string | SenderConfig;

/**
 * Finds a sender that lives elsewhere (a database of tenants, sub-accounts), or says `undefined` where the address is
 * not ours. Asked with a number, and with a Messaging Service's id where a text came through one. Called often: cache
 * it.
 */
export type SenderResolver = (address: string) => Promise<SenderConfig | undefined> | SenderConfig | undefined;

/** Senders that live elsewhere, and can be listed: with `list` their lost webhooks are looked for. */
export interface SenderDirectory {
  /** Finds one sender by its address. It alone decides what is ours. */
  readonly resolve: SenderResolver;
  /**
   * Lists the senders, each written as in the array form: `["+15703251809", { address: "+15703251810" }]`. An empty list
   * is right. It is called at each sweep: every `sweep.everyMs` (60 000 ms) in a started process, at each
   * `processDue()`, and at `recover()`. It is not called for a webhook or a send.
   *
   * An error it throws, or an answer that is not a list, is reported as `invalid_options`; that sweep ends, and all else
   * goes on. An entry that is not a sender, or that `resolve` does not know, is skipped and reported once per process.
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

/** What is wrong with the address of a sender of ours, with its remedy; `undefined` where nothing is. */
export function senderAddressFault(address: string): string | undefined {
  try {
    normalizeAddress(address, "The address");
    return undefined;
  } catch (error) {
    if (!isOwnlineError(error)) throw error;
    return `a sender is a number in E.164 (+15703251809), a short code, a channel address (whatsapp:+15703251809) or a Messaging Service (MG…). ${error.message}`;
  }
}

/** What is wrong with a sender's `service`, with its remedy; `undefined` where nothing is. */
export function serviceFault(service: string): string | undefined {
  if (isMessagingService(service)) return undefined;
  return 'a service is a Messaging Service\'s id, which starts with "MG" and has 32 hexadecimal digits';
}
