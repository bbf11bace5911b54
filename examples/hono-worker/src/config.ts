import { isOwnlineError, normalizeAddress } from "ownline";
import type { CloudflareQueueBinding } from "ownline/queue/cloudflare";
import type { D1DatabaseLike } from "ownline/storage/d1";
import type { WorkersAi } from "./workers-ai.ts";

/** What the Worker's environment says, checked. */
export interface Config {
  readonly database: D1DatabaseLike;
  readonly wake: CloudflareQueueBinding;
  /** What callers of the API show. */
  readonly apiSecret: string;
  /** The numbers that we own. */
  readonly senders: readonly string[];
  readonly carrier: {
    readonly accountSid: string;
    readonly authToken: string;
    readonly webhookUrl: string;
    /** `null` for Twilio's own. */
    readonly apiUrl: string | null;
  };
  readonly ai:
    | { readonly kind: "offline" }
    | { readonly kind: "workers-ai"; readonly binding: WorkersAi; readonly model: string }
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

/** Where the Worker takes the carrier's requests. */
export const WEBHOOK_PATH = "/webhooks/sms";

const SHORTEST_SECRET = 16;
const WORKERS_AI_MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast";

/** What must be there, and what to do where it is not. */
const REMEDIES = {
  DB: "add the D1 database to d1_databases in wrangler.jsonc, as binding DB",
  WAKE: "add the queue to queues.producers in wrangler.jsonc, as binding WAKE",
  API_SECRET: "set what callers of the API must show: npx wrangler secret put API_SECRET",
  TWILIO_ACCOUNT_SID: "set the account's SID from Twilio's console: npx wrangler secret put TWILIO_ACCOUNT_SID",
  TWILIO_AUTH_TOKEN:
    "set the account's primary auth token from Twilio's console: npx wrangler secret put TWILIO_AUTH_TOKEN",
  TWILIO_PHONE_NUMBER: "give a number that the account owns, under vars in wrangler.jsonc",
  WEBHOOK_URL:
    "give this Worker's full public address that Twilio calls, for example https://sms.example.com/webhooks/sms, under vars in wrangler.jsonc",
} as const;

/**
 * Reads the Worker's environment. Empty variables count as missing.
 *
 * @throws ConfigError with every mistake at once, by the binding's or variable's name and without its value.
 */
export function readConfig(environment: Readonly<Record<string, unknown>>): Config {
  const mistakes: string[] = [];
  const missing = (name: keyof typeof REMEDIES) => void mistakes.push(`${name} is missing: ${REMEDIES[name]}`);
  const text = (name: string): string | null => {
    const value = environment[name];
    return typeof value === "string" && value.trim() !== "" ? value.trim() : null;
  };
  const needed = (name: keyof typeof REMEDIES): string => {
    const value = text(name);
    if (value === null) missing(name);
    return value ?? "";
  };

  const database = environment.DB;
  if (!isDatabase(database)) missing("DB");
  const wake = environment.WAKE;
  if (!isQueue(wake)) missing("WAKE");
  const apiSecret = needed("API_SECRET");
  if (apiSecret !== "" && apiSecret.length < SHORTEST_SECRET) {
    mistakes.push(`API_SECRET is shorter than ${SHORTEST_SECRET} characters: make one with openssl rand -hex 32`);
  }
  const senders = readSenders(needed("TWILIO_PHONE_NUMBER"), mistakes);
  const carrier = {
    accountSid: needed("TWILIO_ACCOUNT_SID"),
    authToken: needed("TWILIO_AUTH_TOKEN"),
    webhookUrl: readWebhookUrl(needed("WEBHOOK_URL"), mistakes),
    apiUrl: text("TWILIO_API_URL"),
  };
  const ai = readAi(environment.AI, text, mistakes);
  if (mistakes.length > 0 || !isDatabase(database) || !isQueue(wake)) {
    throw new ConfigError(`The Worker cannot start:\n- ${mistakes.join("\n- ")}`);
  }
  return { database, wake, apiSecret, senders, carrier, ai };
}

function readSenders(listed: string, mistakes: string[]): string[] {
  if (listed === "") return [];
  return listed.split(",").map((number) => {
    try {
      return normalizeAddress(number, "TWILIO_PHONE_NUMBER");
    } catch (error) {
      if (!isOwnlineError(error)) throw error;
      mistakes.push(error.message);
      return number;
    }
  });
}

function readWebhookUrl(webhookUrl: string, mistakes: string[]): string {
  if (webhookUrl === "" || (URL.canParse(webhookUrl) && new URL(webhookUrl).pathname === WEBHOOK_PATH)) {
    return webhookUrl;
  }
  mistakes.push(`WEBHOOK_URL leads elsewhere: write this Worker's full address, with the path ${WEBHOOK_PATH}`);
  return webhookUrl;
}

function readAi(binding: unknown, text: (name: string) => string | null, mistakes: string[]): Config["ai"] {
  if (binding !== undefined) {
    if (isWorkersAi(binding)) return { kind: "workers-ai", binding, model: text("AI_MODEL") ?? WORKERS_AI_MODEL };
    mistakes.push('AI is not a Workers AI binding: write "ai": { "binding": "AI" } in wrangler.jsonc, or remove it');
  }
  const apiKey = text("OPENAI_API_KEY");
  const baseUrl = text("OPENAI_BASE_URL");
  const model = text("OPENAI_MODEL");
  if (apiKey === null && baseUrl === null) {
    if (model !== null) {
      mistakes.push("OPENAI_MODEL is set without a server: give OPENAI_API_KEY, or OPENAI_BASE_URL of one of your own");
    }
    return { kind: "offline" };
  }
  if (baseUrl !== null && model === null) {
    mistakes.push("OPENAI_MODEL is missing: give the id of a model that the server of OPENAI_BASE_URL has");
  }
  return {
    kind: "openai-compatible",
    apiKey,
    baseUrl: baseUrl ?? "https://api.openai.com/v1",
    model: model ?? "gpt-5-mini",
  };
}

function isDatabase(value: unknown): value is D1DatabaseLike {
  return hasMethods(value, "prepare", "batch");
}

function isQueue(value: unknown): value is CloudflareQueueBinding {
  return hasMethods(value, "send");
}

function isWorkersAi(value: unknown): value is WorkersAi {
  return hasMethods(value, "run");
}

function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return (
    typeof value === "object" && value !== null && names.every((name) => typeof Reflect.get(value, name) === "function")
  );
}
