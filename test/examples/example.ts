import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Conversation, Message, OutboundMessage } from "../../src/index.ts";
import { type TwilioEmulator, type TwilioEmulatorOptions, twilioEmulator } from "../../src/testing/node/node.ts";

export const OURS = "+15703251809";
export const PERSON = "+12345678900";

const EXAMPLE = fileURLToPath(new URL("../../examples/express/", import.meta.url));
const FROM_SOURCE = new URL("from-source.ts", import.meta.url).href;
/** The last line that the server prints when it is ready. */
const READY = "Answered by:";

/** What the API answers, all of it optional: which field comes is the test's business. */
export interface Answer {
  readonly message: Message;
  readonly messages: readonly Message[];
  readonly conversation: Conversation;
  readonly conversations: readonly (Conversation & { readonly lastMessage: Message | null })[];
  readonly error: { readonly code: string; readonly message: string };
}

/** The example's server, as a process of its own. */
export interface Example extends AsyncDisposable {
  readonly url: string;
  /** What it has printed so far. */
  readonly output: () => string;
  /** Calls its API: a POST where there is a body. */
  call(path: string, body?: unknown): Promise<Answer & { readonly status: number }>;
  /** Sends it a signal, and waits for nothing. */
  signal(signal: "SIGINT" | "SIGTERM"): void;
  /** Resolves to its exit code, `null` after a crash. */
  readonly ended: Promise<number | null>;
  /** Ends it as Ctrl-C, a deploy or a crash does; resolves to its exit code, `null` after a crash. */
  end(signal: "SIGINT" | "SIGTERM" | "SIGKILL"): Promise<number | null>;
}

/** Runs the example's server and resolves when it is ready. Nothing of this process's environment reaches it. */
export async function runExample(env: Readonly<Record<string, string>>): Promise<Example> {
  const child = spawn(process.execPath, ["--import", FROM_SOURCE, "src/server.ts"], {
    cwd: EXAMPLE,
    env: { PATH: process.env.PATH ?? "", PORT: "0", UI_PORT: "0", OWNLINE_STORAGE: "memory:", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  const exited = once(child, "close").then(([code]: (number | null)[]) => code ?? null);
  await new Promise<void>((resolve, reject) => {
    const hear = (chunk: Buffer) => {
      output += chunk.toString();
      if (output.includes(READY)) resolve();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    void exited.then((code) => reject(new Error(`the server ended with ${code}:\n${output}`)));
  });
  const [url = ""] = /http:\/\/localhost:\d+/.exec(output) ?? [];
  const end = (signal: NodeJS.Signals) => endOf(child, exited, signal);
  return {
    url,
    output: () => output,
    async call(path, body) {
      const post = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
      const response = await fetch(`${url}/api${path}`, body === undefined ? {} : post);
      return { ...((await response.json()) as Answer), status: response.status };
    },
    signal: (signal) => void child.kill(signal),
    ended: exited,
    end,
    async [Symbol.asyncDispose]() {
      await end("SIGKILL");
    },
  };
}

async function endOf(child: ChildProcess, exited: Promise<number | null>, signal: NodeJS.Signals) {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal);
  return exited;
}

/** A provider in this process, which outlives the server, and a database file that does so too. */
export interface Surroundings extends AsyncDisposable {
  readonly emulator: TwilioEmulator;
  /** For {@link runExample}: always the same port and the same file. */
  readonly env: Readonly<Record<string, string>>;
  /** The texts that the provider was asked to send. */
  sent(): readonly { readonly from: string | null; readonly to: string; readonly body: string }[];
}

export async function surroundings(options: Pick<TwilioEmulatorOptions, "statuses"> = {}): Promise<Surroundings> {
  const folder = mkdtempSync(join(tmpdir(), "ownline-example-"));
  const port = await freePort();
  const webhookUrl = `http://127.0.0.1:${port}/api/webhooks/sms`;
  const emulator = twilioEmulator({ numbers: [OURS], smsUrl: webhookUrl, ...options });
  return {
    emulator,
    env: {
      PORT: String(port),
      OWNLINE_STORAGE: `sqlite:${join(folder, "ownline.db")}`,
      TWILIO_ACCOUNT_SID: emulator.credentials.accountSid,
      TWILIO_AUTH_TOKEN: emulator.credentials.authToken,
      TWILIO_PHONE_NUMBER: OURS,
      TWILIO_API_URL: await emulator.listen(),
      WEBHOOK_URL: webhookUrl,
    },
    sent: () =>
      emulator.messages
        .filter(({ direction }) => direction !== "inbound")
        .map(({ from, to, body }) => ({ from, to, body })),
    async [Symbol.asyncDispose]() {
      await emulator.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Those of ours that have reached the phone. */
export function delivered(messages: readonly Message[]): readonly OutboundMessage[] {
  return messages.flatMap((message) =>
    message.direction === "outbound" && message.status === "delivered" ? [message] : [],
  );
}

export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return address.port;
}
