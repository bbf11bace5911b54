import { fileURLToPath } from "node:url";
import * as z from "zod";

/** The environment, checked. */
export interface Config {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** A second port for the page; `null` for none. */
  readonly uiPort: number | null;
  /** The numbers that your Twilio account owns. */
  readonly senders: readonly string[];
  /** `null` where the webhook is this server's own address, which only the emulator can call. */
  readonly webhookUrl: string | null;
  readonly storage:
    | { readonly kind: "memory" }
    | { readonly kind: "sqlite"; readonly file: string }
    | { readonly kind: "postgres" | "mongodb"; readonly url: string };
  readonly provider:
    | { readonly kind: "emulator" }
    | {
        readonly kind: "twilio";
        readonly accountSid: string;
        readonly authToken: string;
        readonly apiUrl: string | null;
      };
  readonly ai:
    | { readonly kind: "offline" }
    | {
        readonly kind: "openai-compatible";
        readonly apiKey: string | null;
        readonly baseUrl: string;
        readonly model: string;
      };
}

/** The environment cannot be used. The message has a line for each mistake, with its remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEMO_NUMBER = "+15703251809";
const DEFAULT_FILE = fileURLToPath(new URL("../.data/ownline.db", import.meta.url));
const STORAGES = "sqlite:FILE, postgres://…, mongodb://…, or memory:";

/** A variable that may be missing. */
const text = z.string().optional();

const port = (name: string, fallback: number) =>
  z.coerce
    .number({ error: notPort(name, fallback) })
    .int({ error: notPort(name, fallback) })
    .min(0, { error: notPort(name, fallback) })
    .max(65_535, { error: notPort(name, fallback) })
    .default(fallback);

function notPort(name: string, fallback: number): string {
  return `${name} is not a port: give a number from 0 to 65535, or leave it out for ${fallback}`;
}

const server = z
  .object({
    HOST: z.string().default("127.0.0.1"),
    PORT: port("PORT", 3000),
    UI_PORT: port("UI_PORT", 8080),
    TWILIO_PHONE_NUMBER: z.string().default(DEMO_NUMBER),
    WEBHOOK_URL: text,
  })
  .transform((env) => ({
    host: env.HOST,
    port: env.PORT,
    uiPort: env.UI_PORT === 0 ? null : env.UI_PORT,
    senders: env.TWILIO_PHONE_NUMBER.split(",").map((number) => number.trim()),
    webhookUrl: env.WEBHOOK_URL ?? null,
  }));

const storage = z
  .object({ OWNLINE_STORAGE: z.string().default(`sqlite:${DEFAULT_FILE}`) })
  .transform((env, { issues }): Config["storage"] => {
    const url = env.OWNLINE_STORAGE;
    const mistaken = (message: string) => issues.push({ code: "custom", message, input: url });
    const [, scheme, rest = ""] = /^([a-z+]+):(.*)$/s.exec(url) ?? [];
    switch (scheme) {
      case "memory":
        return { kind: "memory" };
      case "sqlite":
        if (rest === "") mistaken("OWNLINE_STORAGE names no file: write sqlite:FILE, for example sqlite:ownline.db");
        return { kind: "sqlite", file: rest };
      case "postgres":
      case "postgresql":
        if (!URL.canParse(url))
          mistaken("OWNLINE_STORAGE is not a URL: write postgres://USER:PASSWORD@HOST:5432/DATABASE");
        return { kind: "postgres", url };
      case "mongodb":
      case "mongodb+srv":
        // The URL standard does not allow a list of hosts. The MongoDB driver does, and checks the rest.
        if (!rest.startsWith("//")) mistaken("OWNLINE_STORAGE is not a URL: write mongodb://HOST:27017/DATABASE");
        return { kind: "mongodb", url };
      default:
        mistaken(`OWNLINE_STORAGE is not understood: write ${STORAGES}`);
        return { kind: "memory" };
    }
  });

/** The variables that Twilio needs: all of them or none. */
const NEEDED = {
  TWILIO_ACCOUNT_SID: "the account's SID, from Twilio's console",
  TWILIO_AUTH_TOKEN: "the account's primary auth token, from Twilio's console",
  TWILIO_PHONE_NUMBER: "a number that the account owns",
  WEBHOOK_URL: "the full public URL that Twilio calls, for example https://example.com/api/webhooks/sms",
} as const;

const provider = z
  .object({
    TWILIO_ACCOUNT_SID: text,
    TWILIO_AUTH_TOKEN: text,
    TWILIO_PHONE_NUMBER: text,
    WEBHOOK_URL: text,
    TWILIO_API_URL: text,
  })
  .transform((env, { issues }): Config["provider"] => {
    const [accountSid, authToken, apiUrl] = [env.TWILIO_ACCOUNT_SID, env.TWILIO_AUTH_TOKEN, env.TWILIO_API_URL];
    if (accountSid === undefined && authToken === undefined && apiUrl === undefined) return { kind: "emulator" };
    for (const [name, remedy] of Object.entries(NEEDED)) {
      if (name in env) continue;
      const message = `${name} is missing: give ${remedy}; or leave out all of Twilio's for the emulator`;
      issues.push({ code: "custom", message, input: undefined });
    }
    return { kind: "twilio", accountSid: accountSid ?? "", authToken: authToken ?? "", apiUrl: apiUrl ?? null };
  });

const ai = z
  .object({ OPENAI_API_KEY: text, OPENAI_BASE_URL: text, OPENAI_MODEL: text })
  .transform((env, { issues }): Config["ai"] => {
    const [apiKey, baseUrl, model] = [env.OPENAI_API_KEY ?? null, env.OPENAI_BASE_URL, env.OPENAI_MODEL];
    const mistaken = (message: string) => issues.push({ code: "custom", message, input: model });
    if (apiKey === null && baseUrl === undefined) {
      if (model !== undefined) {
        mistaken("OPENAI_MODEL is set without a server: give OPENAI_API_KEY, or OPENAI_BASE_URL of one of your own");
      }
      return { kind: "offline" };
    }
    if (baseUrl !== undefined && model === undefined) {
      mistaken("OPENAI_MODEL is missing: give the id of a model that the server of OPENAI_BASE_URL has");
    }
    return {
      kind: "openai-compatible",
      apiKey,
      baseUrl: baseUrl ?? "https://api.openai.com/v1",
      model: model ?? "gpt-5-mini",
    };
  });

/**
 * Reads the environment. Empty variables count as missing.
 *
 * @throws ConfigError with every mistake at once.
 */
export function readConfig(environment: Environment): Config {
  const env = Object.fromEntries(
    Object.entries(environment).flatMap(([name, value]) => (value?.trim() ? [[name, value.trim()]] : [])),
  );
  // Each part is read by itself, so that a mistake in one does not hide a mistake in another.
  const parts = {
    server: server.safeParse(env),
    storage: storage.safeParse(env),
    provider: provider.safeParse(env),
    ai: ai.safeParse(env),
  };
  if (parts.server.success && parts.storage.success && parts.provider.success && parts.ai.success) {
    return { ...parts.server.data, storage: parts.storage.data, provider: parts.provider.data, ai: parts.ai.data };
  }
  const mistakes = Object.values(parts).flatMap(({ error }) => error?.issues.map(({ message }) => message) ?? []);
  throw new ConfigError(`The server cannot start:\n- ${mistakes.join("\n- ")}`);
}
