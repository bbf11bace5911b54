import { type Message, type Ownline, type OwnlineOptions, ownline } from "../../src/index.ts";
import { memory } from "../../src/storage/memory.ts";
import { signRequest, twilio } from "../../src/transport/twilio/twilio.ts";

const ACCOUNT: string = `AC${"a".repeat(32)}`;
export const TOKEN = "the-primary-token";
export const PUBLIC = "https://example.com/api/webhooks/sms";
export const OURS = "+15703251809";
export const PERSON = "+12345678900";
const FORM = "application/x-www-form-urlencoded";

/** The lines of a logger, each with its level before it. */
export interface Heard {
  readonly lines: string[];
  readonly logger: Record<"debug" | "info" | "warn" | "error", (message: string) => void>;
}

export function heard(): Heard {
  const lines: string[] = [];
  const at = (level: string) => (message: string) => void lines.push(`${level} ${message}`);
  return { lines, logger: { debug: () => {}, info: at("info"), warn: at("warn"), error: at("error") } };
}

export interface Scene {
  readonly sms: Ownline;
  readonly lines: string[];
  /** Every text in the ledger, oldest first. */
  stored(): Promise<readonly Message[]>;
}

/** A service on memory whose provider takes everything. Nothing works on what is stored. */
export function scene(changes: Partial<OwnlineOptions> = {}): Scene {
  const { lines, logger } = heard();
  const sms = ownline({
    senders: [OURS],
    transport: twilio({
      accountSid: ACCOUNT,
      authToken: TOKEN,
      webhookUrl: PUBLIC,
      fetch: async () => Response.json({ sid: `SM${"1".repeat(32)}`, status: "queued" }, { status: 201 }),
    }),
    storage: memory(),
    ai: () => "an answer",
    logger,
    ...changes,
  });
  return {
    sms,
    lines,
    async stored() {
      const { conversations } = await sms.conversations();
      const pages = await Promise.all(conversations.map(({ id }) => sms.messages({ conversationId: id })));
      return pages.flat();
    },
  };
}

export const textParams = (changes: Record<string, string> = {}): URLSearchParams =>
  new URLSearchParams({
    MessageSid: `SM${"b".repeat(32)}`,
    AccountSid: ACCOUNT,
    From: PERSON,
    To: OURS,
    Body: "Is there a table? Für zwei & 100% sûr 😀",
    NumMedia: "0",
    ...changes,
  });

export interface Posted {
  readonly body: string;
  readonly method: "POST";
  readonly headers: Record<string, string>;
}

/** A form as Twilio posts it to the public URL, signed. */
export async function posted(params: URLSearchParams = textParams(), query = ""): Promise<Posted> {
  const signature = await signRequest({ authToken: TOKEN, url: PUBLIC + query, params });
  return {
    method: "POST",
    body: params.toString(),
    headers: { "content-type": `${FORM}; charset=UTF-8`, "x-twilio-signature": signature },
  };
}
