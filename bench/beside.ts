import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Storage } from "../src/index.ts";
import { memory } from "../src/storage/memory.ts";
import { sqlite } from "../src/storage/sqlite.ts";
import type { ClaimedTurn, TurnClaim } from "../src/storage/storage.ts";
import { inboundOf } from "./ledgers.ts";
import { median, table } from "./table.ts";

/** Makes a new, open, empty ledger. */
type Make = (file: string) => Storage;

interface Build {
  readonly memory: Make;
  readonly sqlite: Make;
}

interface Sizes {
  readonly rounds: number;
  /** Messages, or turns, of one round. */
  readonly count: number;
}

/**
 * The ledgers of this checkout beside those of another build of the package, a tarball of `npm pack`: acknowledgements
 * and whole turns with a sent reply. One process; the two take turns, round by round, on files of their own.
 */
export async function beside(tarball: string, sizes: Sizes): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "ownline-beside-"));
  try {
    execFileSync("tar", ["xzf", tarball, "-C", folder]);
    const earlier = await buildIn(join(folder, "package", "dist"));
    const rows: string[][] = [];
    const present: Build = { memory: () => memory(), sqlite: (file) => sqlite(file) };
    for (const [name, work, callers] of [
      ["SQLite, acknowledgements", acknowledge, 1],
      ["SQLite, acknowledgements", acknowledge, 64],
      ["SQLite, turns with a sent reply", turn, 1],
      ["SQLite, turns with a sent reply", turn, 64],
    ] as const) {
      rows.push(
        await compared(name, callers, [earlier.sqlite, present.sqlite], folder, sizes, (make, file) =>
          perSecond(make(file), work, callers, sizes.count),
        ),
      );
    }
    rows.push(
      await compared("memory, CPU of a turn", 1, [earlier.memory, present.memory], folder, sizes, (make, file) =>
        turnsPerCpuSecond(make(file), sizes.count),
      ),
    );
    console.log(table(["Work", "callers", "earlier/s", "now/s", "ratio (least to most)"], rows));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function buildIn(dist: string): Promise<Build> {
  const load = (path: string) => import(pathToFileURL(join(dist, path)).href);
  const [inMemory, onSqlite] = await Promise.all([load("storage/memory.js"), load("storage/sqlite.js")]);
  return { memory: () => inMemory.memory(), sqlite: (file) => onSqlite.sqlite(file) };
}

async function compared(
  name: string,
  callers: number,
  [earlier, present]: readonly [Make, Make],
  folder: string,
  { rounds }: Sizes,
  measure: (make: Make, file: string) => Promise<number>,
): Promise<string[]> {
  const before: number[] = [];
  const now: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const file = (which: string): string => join(folder, `${which}-${name.length}-${callers}-${round}.db`);
    before.push(await measure(earlier, file("earlier")));
    now.push(await measure(present, file("now")));
  }
  const ratios = now.map((rate, index) => rate / (before[index] ?? Number.NaN)).toSorted((a, b) => a - b);
  return [
    name,
    String(callers),
    median(before).toFixed(0),
    median(now).toFixed(0),
    `${median(ratios).toFixed(2)} (${ratios.at(0)?.toFixed(2)} to ${ratios.at(-1)?.toFixed(2)})`,
  ];
}

type Work = (storage: Storage, n: number) => Promise<void>;

async function perSecond(storage: Storage, work: Work, callers: number, count: number): Promise<number> {
  await storage.migrate();
  await storage.open();
  let next = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      while (next < count) {
        next += 1;
        await work(storage, next);
        // A caller of its own comes by an event of its own.
        if (callers > 1) await new Promise((resolve) => setImmediate(resolve));
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1_000;
  await storage.close();
  return count / seconds;
}

async function turnsPerCpuSecond(storage: Storage, count: number): Promise<number> {
  await storage.open();
  const before = process.cpuUsage();
  for (let n = 0; n < count; n += 1) await turn(storage, n);
  const { user, system } = process.cpuUsage(before);
  return count / ((user + system) / 1e6);
}

const PERSON = (n: number): string => `+1415${String(5_000_000 + n)}`;

async function acknowledge(storage: Storage, n: number): Promise<void> {
  await storage.recordInbound(inboundOf(`text${n}`, PERSON(n)));
}

const CONDITIONS = { consent: true, unpaused: true, delayMs: 0, cancel: null, counters: [], pace: null } as const;

/** Earlier builds claim one turn in a call. */
interface Earlier {
  claimTurn?(claim: Omit<TurnClaim, "limit">): Promise<ClaimedTurn | null>;
}

async function claim(storage: Storage & Earlier, one: Omit<TurnClaim, "limit">): Promise<ClaimedTurn | null> {
  if (storage.claimTurn !== undefined) return await storage.claimTurn(one);
  return (await storage.claimTurns({ ...one, limit: 1 }))[0] ?? null;
}

/** From the message to the delivered reply. */
async function turn(storage: Storage, n: number): Promise<void> {
  const workerId = "w";
  await storage.recordInbound({ ...inboundOf(`text${n}`, PERSON(n)), debounceMs: 0, maxWaitMs: 0 });
  const claimed = await claim(storage, { op: `claim${n}`, scope: "default", workerId, leaseMs: 15_000 });
  if (claimed === null) throw new Error("Nothing was due.");
  const { conversation, turn: begun, fence } = claimed;
  const outboundId = `${begun.id}-1`;
  await storage.commitTurn({
    op: `commit${n}`,
    workerId,
    conversationId: conversation.id,
    turnId: begun.id,
    fence,
    throughSeq: begun.throughSeq,
    outcome: "replied",
    supersede: true,
    pause: false,
    parts: [{ id: outboundId, body: "We open at nine.", media: [], encoding: "GSM-7", segments: 1 }],
    expiryMs: 3_600_000,
  });
  const send = {
    op: `send${n}`,
    scope: "default",
    workerId,
    leaseMs: 15_000,
    outboundId,
    orderWaitMs: 60_000,
    conditions: CONDITIONS,
  };
  const admitted = await storage.claimSend(send);
  if (admitted.outcome !== "claimed") throw new Error(`A reply was not sent: ${admitted.outcome}.`);
  const carrierId = `SM${n}`;
  const result = { kind: "accepted", carrierId, status: "accepted" } as const;
  await storage.recordSend({ op: `sent${n}`, outboundId, attempt: 1, result });
  const status = { carrierId, status: "delivered", rawStatus: "delivered", error: null, optOut: false } as const;
  await storage.recordStatus({ op: `status${n}`, outboundId, attempt: 1, ...status });
}
