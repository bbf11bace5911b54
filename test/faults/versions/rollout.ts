import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { OwnlineOptions } from "../../../src/index.ts";
import { judge, type Verdict } from "../judge.ts";
import { calm, generator, type Network } from "../network.ts";
import { ACCOUNT, type EngineProcess, startEngine, startProvider } from "../processes.ts";
import { type Manner, textOf } from "../script.ts";
import { heldBy, readTrace } from "../trace.ts";
import { engineOf, type Version } from "./versions.ts";

/** One number of the application, many people who text it, one ledger, and processes of two versions. */
export interface Rollout extends AsyncDisposable {
  /**
   * Starts a process and sends texts to it too. With `migrates`, the process migrates the ledger to its version first.
   */
  start(version: Version, migrates?: boolean): Promise<EngineProcess>;
  /**
   * Kills a process while it sends no message. A message that it was sending would wait for its window. After the
   * window, code of SQLite's schema 1 sends it again without reading the provider's list.
   */
  kill(engine: EngineProcess): Promise<void>;
  /** Stops a process as a deploy does. Returns its exit code. */
  deploy(engine: EngineProcess): Promise<number | null>;
  /** Lets people text in a dozen conversations, until the returned function is called. */
  letPeopleText(): () => Promise<unknown>;
  /** Resolves when each of these processes has claimed some more turns. */
  allWork(...engines: readonly EngineProcess[]): Promise<void>;
  /**
   * Resolves when every text is answered, and then one more text of each person. A conversation is serial, so a message
   * that was sent twice would have come before that answer.
   */
  allAnswered(): Promise<void>;
  verdict(): Verdict;
  output(): string;
}

const NUMBER = "+15703250001";
const PEOPLE = 12;
const SOME_TURNS = 2;
const LIMIT_MS = 60_000;
const LOOK_MS = 50;
const GRACE_MS = 1000;

/** Repeated webhooks and callbacks go to another process than the first one, in turn. */
const NETWORK: Network = {
  ...calm,
  webhookTwice: 0.2,
  callbackTwice: 0.2,
  // A busy machine needs time, so the provider waits long.
  webhookTimeoutMs: 15_000,
  webhookRetryMs: [200, 500, 2000, 6000, 20_000],
};

/** Options that every version understands. At a long code's rate the people would wait for minutes. */
const OPTIONS: Pick<OwnlineOptions, "burst" | "answer" | "sending" | "worker"> = {
  burst: { quietMs: 100, maxWaitMs: 2000 },
  answer: { timeoutMs: 2000, backoffMs: 100 },
  sending: {
    validityMs: 1000,
    unknownWindowMs: 15_000,
    orderWaitMs: 60_000,
    maxSegments: 1,
    backoffMs: 100,
    rateLimit: false,
  },
  worker: { leaseMs: 2000, pollMs: 300 },
};

export interface RolloutOptions {
  readonly dir: string;
  readonly storageUrl: string;
  readonly versions: readonly Version[];
  readonly seed: number;
  /** The mean time from one text to the next. */
  readonly betweenTextsMs: number;
}

export async function rollout({ dir, storageUrl, versions, seed, betweenTextsMs }: RolloutOptions): Promise<Rollout> {
  mkdirSync(dir, { recursive: true });
  const programs = new Map<Version, string>();
  for (const version of versions) programs.set(version, await engineOf(version, dir));
  const provider = await startProvider(dir, seed);
  const publicUrl = "http://sms.test/webhook#rc=5&rp=all";
  const engines: EngineProcess[] = [];
  let tag = 0;
  let isOver = false;
  let texting: Promise<unknown> = Promise.resolve();
  const output = () => engines.map((engine) => engine.output()).join("\n");
  const rerouted = () =>
    provider.setLine({
      number: NUMBER,
      publicUrl,
      network: NETWORK,
      backends: engines.flatMap(({ isAlive, port }) => (isAlive && port !== null ? [port] : [])),
    });

  const verdict = () => judge(provider.entries(), { graceMs: GRACE_MS });
  const write = (person: number, manner: Manner) => {
    tag += 1;
    return provider.text(`+1234567${1000 + person}`, NUMBER, textOf(tag, manner));
  };
  const until = async (what: string, isSo: () => boolean): Promise<void> => {
    for (const started = Date.now(); !isSo(); await wait(LOOK_MS)) {
      if (Date.now() - started > LIMIT_MS) throw new Error(`it did not come to this: ${what}\n${output()}`);
    }
  };

  return {
    async start(version, migrates = false) {
      const traceFile = join(dir, `engine-${engines.length + 1}-${version}.jsonl`);
      const settings = {
        ...ACCOUNT,
        number: NUMBER,
        publicUrl,
        apiUrl: provider.apiUrl,
        storageUrl,
        plans: [],
        clockOffsetMs: 0,
        fastMs: 20,
        slowMs: 500,
        traceFile,
        transportTimeoutMs: 15_000,
        migrates,
        options: OPTIONS,
      };
      const engine = await startEngine(settings, programs.get(version));
      engines.push(engine);
      if (engine.port === null) throw new Error(`a process died at its start:\n${engine.output()}`);
      await rerouted();
      return engine;
    },
    async kill(engine) {
      await until("a moment without a text on its way", () => heldBy(readTrace(engine.traceFile)).sends.size === 0);
      engine.signal("SIGKILL");
      await engine.ended;
      await rerouted();
    },
    async deploy(engine) {
      engine.signal("SIGTERM");
      const { code } = await engine.ended;
      await rerouted();
      return code;
    },
    letPeopleText() {
      const random = generator(seed + 1);
      const calls: Promise<unknown>[] = [];
      const text = async () => {
        while (!isOver) {
          calls.push(write(Math.floor(random() * PEOPLE), mannerOf(random())));
          await wait(random() * 2 * betweenTextsMs);
        }
        await Promise.all(calls);
      };
      texting = text();
      return () => {
        isOver = true;
        return texting;
      };
    },
    async allWork(...some) {
      const before = some.map(turnsOf);
      await until("each process works", () =>
        some.every((engine, index) => turnsOf(engine) >= (before[index] ?? 0) + SOME_TURNS),
      );
    },
    async allAnswered() {
      const isAnswered = () => {
        const { unacknowledged, unacknowledgedAnswered, violations } = verdict();
        return unacknowledged === unacknowledgedAnswered && violations.every(({ kind }) => kind !== "lost");
      };
      await until("each text answered", isAnswered);
      await Promise.all(Array.from({ length: PEOPLE }, (_, person) => write(person, "fast")));
      await until("one more text of each answered", isAnswered);
    },
    verdict,
    output,
    async [Symbol.asyncDispose]() {
      isOver = true;
      await texting;
      for (const engine of engines) engine.signal("SIGKILL");
      await Promise.all(engines.map(({ ended }) => ended));
      await provider[Symbol.asyncDispose]();
    },
  };
}

function turnsOf({ traceFile }: EngineProcess): number {
  return readTrace(traceFile).filter((trace) => trace.kind === "turn" && trace.held).length;
}

function mannerOf(roll: number): Manner {
  if (roll < 0.08) return "slow";
  if (roll < 0.16) return "long";
  return roll < 0.2 ? "fails" : "fast";
}
