import { type TwilioEmulator, twilioEmulator } from "ownline/testing/node";
import { twilio } from "ownline/transport/twilio";
import createClient from "twilio";
import type { Config } from "./config.ts";

type Transport = ReturnType<typeof twilio>;

/** The provider: Twilio, or an emulator of it in this process. */
export interface Provider {
  readonly transport: Transport;
  /** The emulator; `null` where the texts are real. */
  readonly emulator: TwilioEmulator | null;
}

/** Long enough to see how a message's status changes. */
const STATUS_DELAY_MS = 500;

export function createProvider({ provider, senders }: Config, webhookUrl: string): Provider {
  if (provider.kind === "emulator") {
    const emulator = twilioEmulator({ numbers: senders, smsUrl: webhookUrl, statusDelayMs: STATUS_DELAY_MS });
    return { emulator, transport: twilio({ ...emulator.credentials, webhookUrl, fetch: emulator.fetch }) };
  }
  const { accountSid, authToken, apiUrl } = provider;
  // The official client calls only Twilio's own hosts. Another API is called by fetch.
  const transport =
    apiUrl === null
      ? twilio({ client: createClient(accountSid, authToken), authToken, webhookUrl })
      : twilio({ accountSid, authToken, apiUrl, webhookUrl });
  return { transport, emulator: null };
}
