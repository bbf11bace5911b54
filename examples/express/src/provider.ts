import { type TwilioEmulator, twilioEmulator } from "ownline/testing/node";
import { twilio } from "ownline/transport/twilio";
import createClient from "twilio";
import type { Config } from "./config.ts";

type Transport = ReturnType<typeof twilio>;

/** What carries texts: Twilio, or an emulator of it in this process. */
export interface Provider {
  readonly transport: Transport;
  /** `null` where the texts are real. */
  readonly emulator: TwilioEmulator | null;
}

/** Long enough to see a message's ticks change. */
const STATUS_DELAY_MS = 500;

export function createProvider({ provider, senders }: Config, webhookUrl: string): Provider {
  if (provider.kind === "emulator") {
    const emulator = twilioEmulator({ numbers: senders, smsUrl: webhookUrl, statusDelayMs: STATUS_DELAY_MS });
    return { emulator, transport: twilio({ ...emulator.credentials, webhookUrl, fetch: emulator.fetch }) };
  }
  const { accountSid, authToken, apiUrl } = provider;
  // The official client knows Twilio's own hosts only; another API is reached over fetch.
  const transport =
    apiUrl === null
      ? twilio({ client: createClient(accountSid, authToken), authToken, webhookUrl })
      : twilio({ accountSid, authToken, apiUrl, webhookUrl });
  return { transport, emulator: null };
}
