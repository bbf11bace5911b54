import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { OwnlineOptions } from "../../src/index.ts";
import type { Plan } from "./crash-points.ts";
import { judge, type Verdict } from "./judge.ts";
import type { Entry, EntryOf } from "./ledger.ts";
import { calm, type Network } from "./network.ts";
import { ACCOUNT, type EngineProcess, type Provider, startEngine } from "./processes.ts";
import { readTrace } from "./trace.ts";

export interface SceneOptions {
  readonly provider: Provider;
  readonly dir: string;
  readonly storageUrl: string;
  /** Distinguishes this scene's number and person from those of others on the same provider. */
  readonly index: number;
  readonly options: Pick<OwnlineOptions, "burst" | "answer" | "sending" | "sweep" | "worker">;
}

export interface StartOptions {
  readonly plans?: readonly Plan[];
  readonly clockOffsetMs?: number;
}

/** One number of the application, one person, one ledger, and the processes that serve them. */
export interface Scene extends AsyncDisposable {
  readonly storageUrl: string;
  /** Starts another process. */
  start(options?: StartOptions): Promise<EngineProcess>;
  text(body: string): Promise<string>;
  /** Changes the faults of the network. All other faults are off. */
  network(changes: Partial<Network>): Promise<void>;
  /** The provider's entries about this person. */
  entries<Kind extends Entry["kind"]>(kind: Kind): readonly EntryOf<Kind>[];
  /** What the person got, in order. */
  received(): readonly string[];
  verdict(): Verdict;
  /** Waits until a condition holds. Otherwise throws with the output of the processes. */
  until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void>;
  /** The notices of all processes. */
  notices(): readonly string[];
  /** The output of the processes, for the message of a failure. */
  output(): string;
}

/** A busy machine needs time to start a process, so the provider waits long. */
const QUIET: Network = { ...calm, webhookRetryMs: [200, 500, 2000, 6000, 20_000] };
const LIMIT_MS = 60_000;
const LOOK_MS = 50;
const SLOW_MS = 700;
const TRANSPORT_TIMEOUT_MS = 15_000;
const GRACE_MS = 1000;

export async function createScene({ provider, dir, storageUrl, index, options }: SceneOptions): Promise<Scene> {
  const number = `+1570325${String(index).padStart(4, "0")}`;
  const person = `+1234567${String(index).padStart(4, "0")}`;
  const publicUrl = `http://sms-${index}.test/webhook#rc=5&rp=all`;
  const engines: EngineProcess[] = [];
  let network = QUIET;
  mkdirSync(dir, { recursive: true });

  const setLine = () =>
    provider.setLine({
      number,
      publicUrl,
      network,
      backends: engines.flatMap(({ isAlive, port }) => (isAlive && port !== null ? [port] : [])),
    });
  await setLine();

  const own: Entry[] = [];
  const sids = new Set<string>();
  const requests = new Set<string>();
  let read = 0;
  /** A text or a request is in the provider's ledger before any other entry about it. */
  const isOurs = (entry: Entry): boolean => {
    if ("from" in entry) return entry.from === person || entry.to === person;
    if (entry.kind === "list") return entry.to === person;
    return "sid" in entry ? sids.has(entry.sid) : requests.has(entry.request);
  };
  const ours = (): readonly Entry[] => {
    const all = provider.entries();
    for (; read < all.length; read += 1) {
      const entry = all[read];
      if (entry === undefined || !isOurs(entry)) continue;
      own.push(entry);
      if (entry.kind === "text" || entry.kind === "taken") sids.add(entry.sid);
      if (entry.kind === "post") requests.add(entry.request);
    }
    return own;
  };

  const output = () => engines.map((engine) => engine.output()).join("\n");

  return {
    storageUrl,
    async start({ plans = [], clockOffsetMs = 0 } = {}) {
      const engine = await startEngine({
        ...ACCOUNT,
        number,
        publicUrl,
        apiUrl: provider.apiUrl,
        storageUrl,
        plans,
        clockOffsetMs,
        fastMs: 0,
        slowMs: SLOW_MS,
        traceFile: join(dir, `engine-${index}-${engines.length + 1}.jsonl`),
        transportTimeoutMs: TRANSPORT_TIMEOUT_MS,
        options,
      });
      engines.push(engine);
      if (engine.port === null) throw new Error(`a process died at its start:\n${engine.output()}`);
      await setLine();
      return engine;
    },
    text: (body) => provider.text(person, number, body),
    async network(changes) {
      network = { ...QUIET, ...changes };
      await setLine();
    },
    entries<Kind extends Entry["kind"]>(kind: Kind) {
      return ours().filter((entry): entry is EntryOf<Kind> => entry.kind === kind);
    },
    received: () => ours().flatMap((entry) => (entry.kind === "taken" ? [entry.body] : [])),
    verdict: () => judge(ours(), { graceMs: GRACE_MS }),
    notices: () =>
      engines.flatMap(({ traceFile }) =>
        readTrace(traceFile).flatMap((trace) => (trace.kind === "notice" ? [trace.notice] : [])),
      ),
    output,
    async until(what, isSo) {
      for (const started = Date.now(); !(await isSo()); await wait(LOOK_MS)) {
        if (Date.now() - started > LIMIT_MS) throw new Error(`it did not come to this: ${what}\n${output()}`);
      }
    },
    async [Symbol.asyncDispose]() {
      for (const engine of engines) engine.signal("SIGKILL");
      await Promise.all(engines.map(({ ended }) => ended));
    },
  };
}
