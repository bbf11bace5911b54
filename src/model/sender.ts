/** A number, short code, channel address or Messaging Service that the account owns. */
export interface SenderConfig {
  /** For example `+15703251809`, `384387`, `whatsapp:+15703251809` or `MG…`. */
  readonly address: string;
  /**
   * The Messaging Service that the number belongs to. Conversations are then kept, and consent is, for the whole
   * service, as Twilio does (https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out).
   */
  readonly service?: string;
  /**
   * How many segments a second the carrier takes from this number, if not what its kind suggests: a long code with a
   * registered campaign may have more than one. @default by its kind, see `sending.pace`
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
