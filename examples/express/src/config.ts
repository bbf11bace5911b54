import { fileURLToPath } from "node:url";

/** What the environment says, checked. */
export interface Config {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
  /** A second port for the page; `null` for none. */
  readonly uiPort: number | null;
  /** The numbers that we own. */
  readonly senders: readonly string[];
  /** `null` where it is this server's own address, which only the emulator can call. */
  readonly webhookUrl: string | null;
  readonly storage:
    | { readonly kind: "memory" }
    | { readonly kind: "sqlite"; readonly file: string }
    | { readonly kind: "postgres" | "mongodb"; readonly url: string };
  readonly carrier:
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

/** The environment cannot be used; the message has a line for each mistake, with its remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEMO_NUMBER = "+15703251809";
const DEFAULT_FILE = fileURLToPath(new URL("../.data/ownline.db", import.meta.url));

/**
 * Reads the environment. Empty variables count as missing.
 *
 * @throws ConfigError with every mistake at once.
 */
export function readConfig(environment: Environment): Config {
  const env: Environment = Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [name, value?.trim() || undefined]),
  );
  const mistakes: string[] = [];
  const uiPort = readPort(env.UI_PORT, "UI_PORT", 8080, mistakes);
  const config: Config = {
    host: env.HOST ?? "127.0.0.1",
    port: readPort(env.PORT, "PORT", 3000, mistakes),
    uiPort: uiPort === 0 ? null : uiPort,
    senders: (env.TWILIO_PHONE_NUMBER ?? DEMO_NUMBER).split(",").map((number) => number.trim()),
    webhookUrl: env.WEBHOOK_URL ?? null,
    storage: readStorage(env.OWNLINE_STORAGE, mistakes),
    carrier: readCarrier(env, mistakes),
    ai: readAi(env, mistakes),
  };
  if (mistakes.length > 0) throw new ConfigError(`The server cannot start:\n- ${mistakes.join("\n- ")}`);
  return config;
}

function readPort(value: string | undefined, name: string, fallback: number, mistakes: string[]): number {
  const port = Number(value ?? fallback);
  if (Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  mistakes.push(`${name} is no port: give a number from 0 to 65535, or leave it out for ${fallback}`);
  return fallback;
}

const STORAGES = "sqlite:FILE, postgres://…, mongodb://…, or memory:";

function readStorage(value: string | undefined, mistakes: string[]): Config["storage"] {
  const url = value ?? `sqlite:${DEFAULT_FILE}`;
  const [, scheme, rest = ""] = /^([a-z+]+):(.*)$/s.exec(url) ?? [];
  switch (scheme) {
    case "memory":
      return { kind: "memory" };
    case "sqlite":
      if (rest === "") mistakes.push("OWNLINE_STORAGE names no file: write sqlite:FILE, for example sqlite:ownline.db");
      return { kind: "sqlite", file: rest };
    case "postgres":
    case "postgresql":
      if (!URL.canParse(url)) {
        mistakes.push("OWNLINE_STORAGE is no URL: write postgres://USER:PASSWORD@HOST:5432/DATABASE");
      }
      return { kind: "postgres", url };
    case "mongodb":
    case "mongodb+srv":
      // A list of hosts is no URL to the standard, but one to the driver, which checks the rest.
      if (!rest.startsWith("//")) mistakes.push("OWNLINE_STORAGE is no URL: write mongodb://HOST:27017/DATABASE");
      return { kind: "mongodb", url };
    default:
      mistakes.push(`OWNLINE_STORAGE is not understood: write ${STORAGES}`);
      return { kind: "memory" };
  }
}

function readCarrier(env: Environment, mistakes: string[]): Config["carrier"] {
  const accountSid = env.TWILIO_ACCOUNT_SID;
  const authToken = env.TWILIO_AUTH_TOKEN;
  const apiUrl = env.TWILIO_API_URL;
  if (accountSid === undefined && authToken === undefined && apiUrl === undefined) return { kind: "emulator" };
  const needed = {
    TWILIO_ACCOUNT_SID: accountSid,
    TWILIO_AUTH_TOKEN: authToken,
    TWILIO_PHONE_NUMBER: env.TWILIO_PHONE_NUMBER,
    WEBHOOK_URL: env.WEBHOOK_URL,
  };
  const remedies: Readonly<Record<string, string>> = {
    TWILIO_ACCOUNT_SID: "the account's SID, from Twilio's console",
    TWILIO_AUTH_TOKEN: "the account's primary auth token, from Twilio's console",
    TWILIO_PHONE_NUMBER: "a number that the account owns",
    WEBHOOK_URL: "the full public URL that Twilio calls, for example https://example.com/api/webhooks/sms",
  };
  for (const [name, value] of Object.entries(needed)) {
    if (value === undefined) {
      mistakes.push(`${name} is missing: give ${remedies[name]}; or leave out all of Twilio's for the emulator`);
    }
  }
  return { kind: "twilio", accountSid: accountSid ?? "", authToken: authToken ?? "", apiUrl: apiUrl ?? null };
}

function readAi(env: Environment, mistakes: string[]): Config["ai"] {
  const apiKey = env.OPENAI_API_KEY ?? null;
  if (apiKey === null && env.OPENAI_BASE_URL === undefined) {
    if (env.OPENAI_MODEL !== undefined) {
      mistakes.push("OPENAI_MODEL is set without a server: give OPENAI_API_KEY, or OPENAI_BASE_URL of one of your own");
    }
    return { kind: "offline" };
  }
  if (env.OPENAI_BASE_URL !== undefined && env.OPENAI_MODEL === undefined) {
    mistakes.push("OPENAI_MODEL is missing: give the id of a model that the server of OPENAI_BASE_URL has");
  }
  return {
    kind: "openai-compatible",
    apiKey,
    baseUrl: env.OPENAI_BASE_URL ?? "https://api.openai.com/v1",
    model: env.OPENAI_MODEL ?? "gpt-5-mini",
  };
}
