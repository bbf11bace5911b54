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

/** The provider's process, as the harness uses it. */
export interface Provider extends AsyncDisposable {
  readonly apiUrl: string;
  /** Creates or changes a number of the application. */
  setLine(line: Line): Promise<void>;
  /** A person texts. Resolves when the provider has recorded the text. */
  text(from: string, to: string, body: string): Promise<string>;
  /** The provider's ledger so far. */
  entries(): readonly Entry[];
}

/** A process that runs ownline. */
export interface EngineProcess {
  /** `null` where the process ended before it was ready. */
  readonly port: number | null;
  readonly spawnedAt: number;
  readonly traceFile: string;
  readonly isAlive: boolean;
  /** Replaces the plan of faults. */
  plan(plans: readonly Plan[]): void;
  signal(name: "SIGKILL" | "SIGTERM" | "SIGSTOP" | "SIGCONT"): void;
  /** Resolves when the process has ended: with the signal, or with the exit code. */
  readonly ended: Promise<{ readonly signal: string | null; readonly code: number | null; readonly at: number }>;
  /** The process's output on stdout and stderr. */
  output(): string;
}

interface Child {
  readonly process: ChildProcess;
  readonly port: Promise<number | null>;
  readonly ended: EngineProcess["ended"];
  output(): string;
}

const children = new Set<ChildProcess>();
// A frozen child would outlive its parent, because it cannot notice that the channel has closed.
process.once("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});

/** The output goes to a file, so that it is there even if no process reads it any more. */
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

/** Starts a process, of another version if one is given. Resolves when it takes requests, or has ended before that. */
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
