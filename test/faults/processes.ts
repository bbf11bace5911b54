import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Plan } from "./crash-points.ts";
import type { EngineSettings } from "./engine.ts";
import { type Entry, ledgerReader } from "./ledger.ts";
import type { Line, ProviderSettings } from "./network.ts";
import { programs } from "./programs.ts";

export const ACCOUNT: { readonly accountSid: string; readonly authToken: string } = {
  accountSid: `AC${"0".repeat(32)}`,
  authToken: "the-primary-token",
};

/** The provider's process, from outside. */
export interface Provider extends AsyncDisposable {
  readonly apiUrl: string;
  /** Makes or changes a number of ours. */
  setLine(line: Line): Promise<void>;
  /** A person texts; resolves when the provider has it in its books. */
  text(from: string, to: string, body: string): Promise<string>;
  /** Its ledger so far. */
  entries(): readonly Entry[];
}

/** A process with ownline in it. */
export interface EngineProcess {
  /** `null` where it died before it was ready. */
  readonly port: number | null;
  readonly spawnedAt: number;
  readonly traceFile: string;
  readonly isAlive: boolean;
  /** What it is to do to itself from now on. */
  plan(plans: readonly Plan[]): void;
  signal(name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void;
  /** Resolves when it has ended: by which signal, or with which code. */
  readonly ended: Promise<{ readonly signal: string | null; readonly code: number | null; readonly at: number }>;
  /** What it said on stdout and stderr. */
  output(): string;
}

interface Child {
  readonly process: ChildProcess;
  readonly port: Promise<number | null>;
  readonly ended: EngineProcess["ended"];
  output(): string;
}

const children = new Set<ChildProcess>();
// A frozen child would outlive its parent: it cannot notice that the channel has closed.
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** Its output goes to a file, which is there also when no process reads along any more. */
async function run(program: string, env: Readonly<Record<string, string>>, logFile: string): Promise<Child> {
  const { cacheDir } = await programs();
  const log = openSync(logFile, "a");
  const child = spawn(process.execPath, [program], {
    env: { PATH: process.env.PATH ?? "", NODE_COMPILE_CACHE: cacheDir, ...env },
    stdio: ["ignore", log, log, "ipc"],
  });
  closeSync(log);
  children.add(child);
  const ended: Child["ended"] = new Promise((resolve) => {
    child.once("close", (code, signal) => {
      children.delete(child);
      resolve({ code, signal, at: Date.now() });
    });
  });
  const port = new Promise<number | null>((resolve) => {
    child.once("message", (message: unknown) => {
      const said = typeof message === "object" && message !== null && "port" in message ? message.port : null;
      resolve(typeof said === "number" ? said : null);
    });
    void ended.then(() => resolve(null));
  });
  return { process: child, port, ended, output: () => readFileSync(logFile, "utf8") };
}

/** Starts a provider whose ledger is in `dir`. */
export async function startProvider(dir: string, seed: number): Promise<Provider> {
  mkdirSync(dir, { recursive: true });
  const settings: ProviderSettings = { ...ACCOUNT, ledgerFile: join(dir, "provider.jsonl"), seed };
  const env = { OWNLINE_FAULTS_PROVIDER: JSON.stringify(settings) };
  const child = await run((await programs()).provider, env, join(dir, "provider.log"));
  const port = await child.port;
  if (port === null) throw new Error(`the provider did not start:\n${child.output()}`);
  const apiUrl = `http://127.0.0.1:${port}`;
  const entries = ledgerReader(settings.ledgerFile);

  async function control(what: string, body: unknown): Promise<Record<string, unknown>> {
    const answer = await fetch(`${apiUrl}/control/${what}`, { method: "POST", body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`the provider did not take "${what}":\n${child.output()}`);
    const said: unknown = await answer.json();
    return typeof said === "object" && said !== null ? { ...said } : {};
  }

  return {
    apiUrl,
    setLine: async (line) => void (await control("line", line)),
    text: async (from, to, body) => String((await control("text", { from, to, body })).sid),
    entries,
    async [Symbol.asyncDispose]() {
      child.process.kill("SIGKILL");
      await child.ended;
    },
  };
}

/** Starts a process, of another version where one is given; resolves when it takes requests, or has died before. */
export async function startEngine(settings: EngineSettings, program?: string): Promise<EngineProcess> {
  const spawnedAt = Date.now();
  const env = { OWNLINE_FAULTS_ENGINE: JSON.stringify(settings) };
  const child = await run(program ?? (await programs()).engine, env, `${settings.traceFile}.log`);
  let isAlive = true;
  void child.ended.then(() => {
    isAlive = false;
  });
  return {
    port: await child.port,
    spawnedAt,
    traceFile: settings.traceFile,
    get isAlive() {
      return isAlive;
    },
    plan: (plans) => void child.process.send(JSON.stringify(plans)),
    signal: (name) => void child.process.kill(name),
    ended: child.ended,
    output: child.output,
  };
}
