import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createTestHarness } from "wrangler";
import type { Conversation, Message } from "../../src/index.ts";
import { type TwilioEmulator, twilioEmulator } from "../../src/testing/node/node.ts";
import { OURS } from "./example.ts";

export const EXAMPLE: string = fileURLToPath(new URL("../../examples/hono-worker/", import.meta.url));
export const SECRET = "a-secret-of-the-tests-alone";
const FAULTY = fileURLToPath(new URL("hono-worker-faulty.ts", import.meta.url));
const COMMANDS = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));

// The runtime would otherwise ask the network where it is.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = "false";
process.env.WRANGLER_SEND_METRICS = "false";

/** Why the Worker cannot run here; `null` where it can. */
export const unable: string | null = existsSync(join(COMMANDS, "workerd"))
  ? null
  : "workerd is not installed: run npm ci";

/** What is lost on the way: the work after the answer, the wake-ups of the queue. */
export type Loss = "wait-until" | "queue";

/** What the API answers, all of it optional: which field comes is the test's business. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly message: Message;
  readonly messages: readonly Message[];
  readonly cursor: string | number | null;
  readonly conversation: Conversation;
  readonly conversations: readonly Conversation[];
  readonly error: { readonly code: string; readonly message: string };
}

/** The example's Worker in workerd, as its wrangler.jsonc has it, with a provider beside it. */
export interface Edge extends AsyncDisposable {
  /** Without a slash at its end. */
  readonly url: string;
  readonly emulator: TwilioEmulator;
  /** Calls the API with the secret: a POST where there is a body. */
  call(path: string, body?: unknown): Promise<Answer>;
  /** Whether each text that a person wrote is answered, and all texts, oldest first. */
  conversationWith(person: string): Promise<{
    readonly id: string;
    readonly answered: boolean;
    readonly texts: readonly string[];
  }>;
  /** The texts that the provider was asked to send to a person. */
  sentTo(person: string): readonly string[];
  /** Every warning and error that the Worker has logged since `forget()`. */
  complaints(): string;
  forget(): void;
  migrate(): Promise<void>;
  /** Runs SQL on the Worker's database. */
  sql(statement: string): Promise<void>;
  /** Runs the cron. */
  cron(): Promise<void>;
  /** Ends the isolate at once, in the middle of its work, and starts another. The database stays. */
  throwAway(): Promise<void>;
}

export interface EdgeOptions {
  /** @default true */
  readonly migrated?: boolean;
  readonly loses?: readonly Loss[];
  /** Over the usual variables; `undefined` leaves one out. */
  readonly vars?: Readonly<Record<string, string | undefined>>;
  /** Sections of wrangler.jsonc to leave out. */
  readonly without?: readonly string[];
}

const WEBHOOK_URL = "http://worker.example/webhooks/sms";

/** Runs the Worker and resolves when it listens. Rejects where it does not start. */
export async function runWorker({ migrated = true, loses = [], ...options }: EdgeOptions = {}): Promise<Edge> {
  let url = "";
  const emulator = twilioEmulator({
    numbers: [OURS],
    smsUrl: WEBHOOK_URL,
    // The public address is the tests' own; what is signed is that one, as behind any proxy.
    deliver: (request) => fetch(new Request(request.url.replace("http://worker.example", url), request)),
  });
  const vars = {
    API_SECRET: SECRET,
    TWILIO_ACCOUNT_SID: emulator.credentials.accountSid,
    TWILIO_AUTH_TOKEN: emulator.credentials.authToken,
    TWILIO_PHONE_NUMBER: OURS,
    TWILIO_API_URL: await emulator.listen(),
    WEBHOOK_URL,
    LOSES: loses.join(),
    ...options.vars,
  };
  const main = loses.length > 0 ? FAULTY : join(EXAMPLE, "src/worker.ts");
  const configWith = (round: number) => ({
    root: EXAMPLE,
    workers: [
      { config: { ...settings(options.without ?? []), main, vars: { ...present(vars), ROUND: String(round) } } },
    ],
  });
  const harness = createTestHarness(configWith(1));
  let rounds = 1;
  const close = async () => {
    await harness.close();
    await emulator.close();
  };
  try {
    url = (await harness.listen()).url.origin;
    if (migrated) await harness.getWorker().applyD1Migrations("DB");
  } catch (error) {
    await close();
    throw error;
  }

  const call = async (path: string, body?: unknown): Promise<Answer> => {
    const authorization = `Bearer ${SECRET}`;
    const headers = { authorization, "content-type": "application/json" };
    const post = { method: "POST", headers, body: JSON.stringify(body) };
    const response = await fetch(url + path, body === undefined ? { headers: { authorization } } : post);
    return { ...((await response.json()) as Answer), status: response.status, headers: response.headers };
  };

  return {
    url,
    emulator,
    call,
    async conversationWith(person) {
      const { conversations } = await call("/conversations?limit=1000");
      const found = conversations.find(({ participant }) => participant === person);
      if (found === undefined) return { id: "", answered: false, texts: [] };
      const { messages } = await call(`/conversations/${found.id}/messages?after=0`);
      return {
        id: found.id,
        answered: found.answeredSeq === found.inboundSeq,
        texts: messages.map((message) =>
          message.direction === "inbound" ? message.body : `${message.origin}: ${message.status}`,
        ),
      };
    },
    sentTo: (person) =>
      emulator.messages.flatMap(({ to, body, direction }) => (direction !== "inbound" && to === person ? [body] : [])),
    complaints: () =>
      harness
        .getLogs()
        .flatMap(({ level, message }) => (level === "warn" || level === "error" ? [message] : []))
        .join("\n"),
    forget: () => harness.clearLogs(),
    migrate: () => harness.getWorker().applyD1Migrations("DB"),
    async sql(statement) {
      const { DB } = await harness.getWorker<{ readonly DB: { exec(sql: string): Promise<unknown> } }>().getEnv();
      await DB.exec(statement);
    },
    async cron() {
      await harness.getWorker().scheduled({ cron: "* * * * *" });
    },
    async throwAway() {
      rounds += 1;
      await harness.update(configWith(rounds));
      url = (await harness.listen()).url.origin;
    },
    [Symbol.asyncDispose]: close,
  };
}

/** What wrangler.jsonc says, with paths that hold from anywhere; its comments stand on lines of their own. */
function settings(without: readonly string[]): Record<string, unknown> {
  const text = readFileSync(join(EXAMPLE, "wrangler.jsonc"), "utf8").replaceAll(/^\s*\/\/.*$/gm, "");
  const said = JSON.parse(text);
  const [database] = said.d1_databases;
  const all: Record<string, unknown> = {
    ...said,
    assets: { directory: join(EXAMPLE, said.assets.directory) },
    d1_databases: [{ ...database, migrations_dir: join(EXAMPLE, database.migrations_dir) }],
  };
  return Object.fromEntries(Object.entries(all).filter(([name]) => !["secrets", ...without].includes(name)));
}

function present(vars: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(vars).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}
