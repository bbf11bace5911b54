import { isOwnlineError, normalizeAddress } from "ownline";
import type { CloudflareQueueBinding } from "ownline/queue/cloudflare";
import type { D1DatabaseLike } from "ownline/storage/d1";
import * as z from "zod";
import type { WorkersAi } from "./workers-ai.ts";

/** The Worker's environment, checked. */
export interface Config {
  readonly database: D1DatabaseLike;
  readonly wake: CloudflareQueueBinding;
  /** The secret that callers of the API must show. */
  readonly apiSecret: string;
  /** The numbers that your Twilio account owns. */
  readonly senders: readonly string[];
  readonly provider: {
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

/** The environment cannot be used. The message has a line for each mistake, with its remedy. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

/** The path for the provider's requests. */
export const WEBHOOK_PATH = "/webhooks/sms";

const SHORTEST_SECRET = 16;
const WORKERS_AI_MODEL = "@cf/meta/llama-3.3-70b-instruct-fp8-fast";

/** What must be set, and how to set it. */
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

/** A required variable or secret. */
const needed = (name: keyof typeof REMEDIES) => z.string({ error: missing(name) });

/** An optional variable or secret. */
const text = z.string().optional();

function missing(name: keyof typeof REMEDIES): string {
  return `${name} is missing: ${REMEDIES[name]}`;
}

const provider = z
  .object({
    DB: z.custom<D1DatabaseLike>((value) => hasMethods(value, "prepare", "batch"), { error: missing("DB") }),
    WAKE: z.custom<CloudflareQueueBinding>((value) => hasMethods(value, "send"), { error: missing("WAKE") }),
    API_SECRET: needed("API_SECRET").min(SHORTEST_SECRET, {
      error: `API_SECRET is shorter than ${SHORTEST_SECRET} characters: make one with openssl rand -hex 32`,
    }),
    TWILIO_PHONE_NUMBER: needed("TWILIO_PHONE_NUMBER").transform((listed, { issues }) =>
      listed.split(",").map((number) => {
        try {
          return normalizeAddress(number, "TWILIO_PHONE_NUMBER");
        } catch (error) {
          if (!isOwnlineError(error)) throw error;
          issues.push({ code: "custom", message: error.message, input: undefined });
          return number;
        }
      }),
    ),
    TWILIO_ACCOUNT_SID: needed("TWILIO_ACCOUNT_SID"),
    TWILIO_AUTH_TOKEN: needed("TWILIO_AUTH_TOKEN"),
    WEBHOOK_URL: needed("WEBHOOK_URL").refine((url) => URL.canParse(url) && new URL(url).pathname === WEBHOOK_PATH, {
      error: `WEBHOOK_URL leads elsewhere: write this Worker's full address, with the path ${WEBHOOK_PATH}`,
    }),
    TWILIO_API_URL: text,
  })
  .transform(
    (env): Omit<Config, "ai"> => ({
      database: env.DB,
      wake: env.WAKE,
      apiSecret: env.API_SECRET,
      senders: env.TWILIO_PHONE_NUMBER,
      provider: {
        accountSid: env.TWILIO_ACCOUNT_SID,
        authToken: env.TWILIO_AUTH_TOKEN,
        webhookUrl: env.WEBHOOK_URL,
        apiUrl: env.TWILIO_API_URL ?? null,
      },
    }),
  );

const ai = z
  .object({
    AI: z
      .custom<WorkersAi>((value) => hasMethods(value, "run"), {
        error: 'AI is not a Workers AI binding: write "ai": { "binding": "AI" } in wrangler.jsonc, or remove it',
      })
      .optional(),
    AI_MODEL: text,
    OPENAI_API_KEY: text,
    OPENAI_BASE_URL: text,
    OPENAI_MODEL: text,
  })
  .transform((env, { issues }): Config["ai"] => {
    const { AI: binding, OPENAI_API_KEY: apiKey = null, OPENAI_BASE_URL: baseUrl, OPENAI_MODEL: model } = env;
    if (binding !== undefined) return { kind: "workers-ai", binding, model: env.AI_MODEL ?? WORKERS_AI_MODEL };
    const mistaken = (message: string) => issues.push({ code: "custom", message, input: undefined });
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
 * Reads the Worker's environment. Empty variables count as missing.
 *
 * @throws ConfigError with every mistake at once, by the binding's or variable's name and without its value.
 */
export function readConfig(environment: Readonly<Record<string, unknown>>): Config {
  const env = Object.fromEntries(
    Object.entries(environment)
      .map(([name, value]) => [name, typeof value === "string" ? value.trim() : value] as const)
      .filter(([, value]) => value !== "" && value !== undefined),
  );
  // Each part is read by itself, so that a mistake in one does not hide a mistake in the other.
  const parts = { provider: provider.safeParse(env), ai: ai.safeParse(env) };
  if (parts.provider.success && parts.ai.success) return { ...parts.provider.data, ai: parts.ai.data };
  const mistakes = Object.values(parts).flatMap(({ error }) => error?.issues.map(({ message }) => message) ?? []);
  throw new ConfigError(`The Worker cannot start:\n- ${mistakes.join("\n- ")}`);
}

function hasMethods(value: unknown, ...names: readonly string[]): boolean {
  return (
    typeof value === "object" && value !== null && names.every((name) => typeof Reflect.get(value, name) === "function")
  );
}
