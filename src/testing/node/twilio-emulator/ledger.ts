import { randomBytes } from "node:crypto";
import { countSegments } from "../../../segments/segments.ts";

/** A number, short code or channel address that the emulated account owns. */
export interface EmulatedNumber {
  /** For example `+15703251809`, `384387` or `whatsapp:+15703251809`. */
  readonly phoneNumber: string;
  /** The webhook for texts to this number. Without one the emulator only records the texts. */
  readonly smsUrl?: string;
  /** @default "POST" */
  readonly smsMethod?: "POST" | "GET";
  /** The webhook for texts whose `smsUrl` failed. It gets `ErrorCode` and `ErrorUrl` too. */
  readonly smsFallbackUrl?: string;
  /** @default all three */
  readonly capabilities?: readonly ("sms" | "mms" | "voice")[];
  /** Whether Twilio handles STOP, START and HELP, and names them in `OptOutType`. @default "default" */
  readonly optOut?: "default" | "advanced" | "off";
}

/** A Messaging Service of the emulated account. */
export interface EmulatedService {
  /** `MG…` */
  readonly sid: string;
  /** Its numbers, each owned by the account. The first one sends where the request names none. */
  readonly senders: readonly string[];
  /** The webhook for texts to its numbers, in place of their own `smsUrl`. */
  readonly smsUrl?: string;
}

export type EmulatedStatus =
  | "accepted"
  | "queued"
  | "sending"
  | "sent"
  | "delivered"
  | "undelivered"
  | "failed"
  | "read"
  | "canceled"
  | "received";

/** One text, as the provider has recorded it. */
export interface EmulatedMessage {
  readonly sid: string;
  readonly direction: "inbound" | "outbound-api" | "outbound-reply";
  /** `null` until a Messaging Service has picked a number. */
  readonly from: string | null;
  readonly to: string;
  readonly body: string;
  readonly mediaUrls: readonly string[];
  /** In the order of `mediaUrls`; empty for outbound texts. */
  readonly mediaTypes: readonly string[];
  readonly status: EmulatedStatus;
  readonly errorCode: number | null;
  readonly messagingServiceSid: string | null;
  readonly statusCallback: string | null;
  /** How long the text may wait to be sent; `null` for a text that did not come through the API. */
  readonly validityMs: number | null;
  /** Unix milliseconds. */
  readonly createdAt: number;
  readonly sentAt: number | null;
  readonly updatedAt: number;
}

/** An entry in the error log of Twilio's console. */
export interface EmulatedAlert {
  /** For example 12300 for a webhook answered with a wrong content type. */
  readonly code: number;
  readonly reason: string;
  /** The text that the entry is about; `null` where it is about none. */
  readonly messageSid: string | null;
}

export interface LedgerOptions {
  readonly accountSid: string;
  readonly numbers: readonly EmulatedNumber[];
  readonly services: readonly EmulatedService[];
  readonly now: () => number;
}

/** The state of the emulated account. */
export interface Ledger {
  readonly accountSid: string;
  readonly messages: readonly EmulatedMessage[];
  readonly alerts: EmulatedAlert[];
  readonly numbers: Map<string, EmulatedNumber>;
  readonly services: ReadonlyMap<string, EmulatedService>;
  now(): number;
  add(message: NewMessage): EmulatedMessage;
  /** Changes a text and its date of change. Returns the new state. */
  update(sid: string, changes: Partial<Omit<EmulatedMessage, "sid">>): EmulatedMessage;
  remove(sid: string): void;
  get(sid: string): EmulatedMessage | undefined;
  serviceOf(phoneNumber: string): EmulatedService | undefined;
  /** Within a Messaging Service, an opt-out from one number counts for the whole service. */
  isOptedOut(sender: string, person: string): boolean;
  setOptedOut(sender: string, person: string, optedOut: boolean): void;
  alert(code: number, reason: string, messageSid: string | null): void;
  onChange(listener: (message: EmulatedMessage) => void): () => void;
}

export type NewMessage = Pick<EmulatedMessage, "direction" | "from" | "to" | "body" | "mediaUrls" | "status"> &
  Partial<Pick<EmulatedMessage, "mediaTypes" | "messagingServiceSid" | "statusCallback" | "validityMs">>;

/** An id in Twilio's form: two letters and 32 hexadecimal digits. */
export function newSid(prefix: string): string {
  return prefix + randomBytes(16).toString("hex");
}

export function createLedger({ accountSid, numbers, services, now }: LedgerOptions): Ledger {
  const messages: EmulatedMessage[] = [];
  const optOuts = new Set<string>();
  const listeners = new Set<(message: EmulatedMessage) => void>();
  const serviceMap = new Map(services.map((service) => [service.sid, service]));

  const serviceOf = (phoneNumber: string): EmulatedService | undefined =>
    services.find(({ senders }) => senders.includes(phoneNumber));
  const consentKey = (sender: string, person: string): string => `${serviceOf(sender)?.sid ?? sender} ${person}`;
  const changed = (message: EmulatedMessage): EmulatedMessage => {
    for (const listener of listeners) listener(message);
    return message;
  };

  return {
    accountSid,
    messages,
    alerts: [],
    numbers: new Map(numbers.map((number) => [number.phoneNumber, number])),
    services: serviceMap,
    now,
    add(message) {
      const at = now();
      const added: EmulatedMessage = {
        mediaTypes: [],
        messagingServiceSid: null,
        statusCallback: null,
        validityMs: null,
        ...message,
        sid: newSid(message.mediaUrls.length > 0 ? "MM" : "SM"),
        errorCode: null,
        createdAt: at,
        sentAt: message.direction === "inbound" ? at : null,
        updatedAt: at,
      };
      messages.push(added);
      return changed(added);
    },
    update(sid, changes) {
      const index = messages.findIndex((message) => message.sid === sid);
      const before = messages[index];
      if (before === undefined) throw new Error("the emulator's ledger has no such message");
      const after = { ...before, ...changes, updatedAt: now() };
      messages[index] = after;
      return changed(after);
    },
    remove(sid) {
      const index = messages.findIndex((message) => message.sid === sid);
      if (index !== -1) messages.splice(index, 1);
    },
    get: (sid) => messages.find((message) => message.sid === sid),
    serviceOf,
    isOptedOut: (sender, person) => optOuts.has(consentKey(sender, person)),
    setOptedOut(sender, person, optedOut) {
      if (optedOut) optOuts.add(consentKey(sender, person));
      else optOuts.delete(consentKey(sender, person));
    },
    alert(code, reason, messageSid) {
      this.alerts.push({ code, reason, messageSid });
    },
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/**
 * A message as Twilio's API shows it: dates in RFC 2822, counts as text.
 *
 * @see https://www.twilio.com/docs/messaging/api/message-resource#message-properties
 */
export function messageJson(ledger: Ledger, message: EmulatedMessage): Record<string, unknown> {
  const uri = `/2010-04-01/Accounts/${ledger.accountSid}/Messages/${message.sid}`;
  return {
    account_sid: ledger.accountSid,
    api_version: "2010-04-01",
    body: message.body,
    date_created: rfc2822(message.createdAt),
    date_sent: message.sentAt === null ? null : rfc2822(message.sentAt),
    date_updated: rfc2822(message.updatedAt),
    direction: message.direction,
    error_code: message.errorCode,
    error_message: null,
    from: message.from,
    messaging_service_sid: message.messagingServiceSid,
    num_media: String(message.mediaUrls.length),
    num_segments: message.from === null ? "0" : String(Math.max(1, countSegments(message.body).segments)),
    price: null,
    price_unit: "USD",
    sid: message.sid,
    status: message.status,
    subresource_uris: { media: `${uri}/Media.json` },
    to: message.to,
    uri: `${uri}.json`,
  };
}

export function rfc2822(ms: number): string {
  return new Date(ms).toUTCString().replace("GMT", "+0000");
}
