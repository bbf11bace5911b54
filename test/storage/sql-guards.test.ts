import { describe, expect, it } from "vitest";
import type { Charge, Guard } from "../../src/storage/database.ts";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import type { SqlStatement } from "../../src/storage/sql/driver.ts";
import { guardOf } from "../../src/storage/sql/guards.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";
import { inboundRecord as text } from "./inbound-record.ts";

const NOW = 1_000_000;
const plain = (sql: string): SqlStatement => ({ sql, params: [] });

const conversation = (id: string, participant: string): string => `insert into ownline_conversations
  (id, scope, line, participant_key, participant, sender, consent_key, paused, seq, inbound_seq, answered_seq, unanswered_seq, backoff_until, fence,
    created_at, updated_at, written_at, version)
  values ('${id}', 'default', 'line', '${participant}', '${participant}', 'line', 'consent', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3)`;

/** Rows of every kind that is guarded. */
const ROWS = [
  conversation("c1", "p1"),
  "insert into ownline_consents (key, state, source, provider_blocks, changed_at, version) values ('consent', 'opted-in', 'word', 0, 0, 3)",
  "insert into ownline_rate_limits (key, free_at, used_until, epoch, written_at, version) values ('limit', 0, 0, 0, 0, 3)",
  "insert into ownline_sweeps (sender, fence, written_at, version) values ('sender', 0, 0, 3)",
  "insert into ownline_keys (kind, key, ref, call) values ('inbound', 'key', 'm1', '')",
  "insert into ownline_workers (id, scope, alive_until, written_at) values ('worker', 'default', 3, 0)",
  `insert into ownline_counters (key, charged, ends_at, written_at)
    values ('day', 2, ${NOW + 1}, 0), ('over', 9, ${NOW}, 0), ('ahead', 9, ${NOW + 1}, ${NOW + 60_001})`,
];

async function ledger() {
  const driver = batchOnly(":memory:", manualClock(NOW));
  await migrate(driver);
  await driver.batch(ROWS.map(plain));
  /** Whether a batch that begins with the guards is written. */
  const isWritten = async (guards: readonly Guard[], charges: readonly Charge[] = []): Promise<boolean> => {
    const written = plain("insert into ownline_answers (call, at, answer) values ('written', 0, '')");
    const remove = plain("delete from ownline_answers where call = 'written'");
    const count = plain("select count(*) as n from ownline_answers where call = 'written'");
    await driver.batch([guardOf({ guards, charges }, NOW, false), written]).catch((error: unknown) => {
      if (!String(error).includes("ownline_guard_moved")) throw error;
    });
    const [[row] = []] = await driver.batch([count, remove]);
    return row?.n === 1;
  };
  return { driver, isWritten };
}

const address = JSON.stringify(["line", "p2"]);
const key = JSON.stringify(["inbound", "key"]);
const otherKey = JSON.stringify(["inbound", "other"]);

/** What was seen, and what another process does to it. */
const MOVED: readonly (readonly [string, Guard, move: string])[] = [
  [
    "a conversation changes",
    { on: "conversation", key: "c1", version: 3 },
    "update ownline_conversations set version = 4",
  ],
  ["a conversation is erased", { on: "conversation", key: "c1", version: 3 }, "delete from ownline_conversations"],
  ["a conversation begins", { on: "address", key: address, version: null }, conversation("c2", "p2")],
  ["a consent changes", { on: "consent", key: "consent", version: 3 }, "update ownline_consents set version = 4"],
  [
    "a consent is filed first",
    { on: "consent", key: "other", version: null },
    "insert into ownline_consents (key, state, source, provider_blocks, changed_at, version) values ('other', 'opted-out', 'word', 0, 0, 1)",
  ],
  ["a conversation is filed", { on: "filed", key: "consent", version: 1 }, conversation("c2", "p2")],
  ["a rate limit changes", { on: "rateLimit", key: "limit", version: 3 }, "update ownline_rate_limits set version = 4"],
  [
    "a rate limit begins",
    { on: "rateLimit", key: "other", version: null },
    "insert into ownline_rate_limits (key, free_at, used_until, epoch, written_at, version) values ('other', 0, 0, 0, 0, 1)",
  ],
  ["a sweep is claimed", { on: "sweep", key: "sender", version: 3 }, "update ownline_sweeps set version = 4"],
  ["a key is recorded", { on: "key", key: otherKey, version: null }, "update ownline_keys set key = 'other'"],
  ["a key is gone", { on: "key", key, version: 0 }, "delete from ownline_keys"],
  [
    "an expired worker is back",
    { on: "worker", key: "worker", version: 3 },
    "update ownline_workers set alive_until = 9",
  ],
  [
    "the same call is decided",
    { on: "call", key: "call", version: null },
    "insert into ownline_answers (call, at, answer) values ('call', 0, '')",
  ],
];

describe("changes are written while all that was seen stands, and not where", () => {
  it.each(MOVED)("%s", async (_, guard, move) => {
    const { driver, isWritten } = await ledger();
    expect(await isWritten([guard])).toBe(true);
    await driver.batch([plain(move)]);
    expect(await isWritten([guard])).toBe(false);
    await driver.close();
  });

  it("a counter has no room any more", async () => {
    const { driver, isWritten } = await ledger();
    const charge = { key: "day", charge: 1, max: 3, windowMs: 1 };
    expect(await isWritten([], [charge])).toBe(true);
    expect(await isWritten([], [{ ...charge, key: "over" }])).toBe(true);
    expect(await isWritten([], [{ ...charge, key: "ahead" }])).toBe(true);
    await driver.batch([plain("update ownline_counters set charged = 3 where key = 'day'")]);
    expect(await isWritten([], [charge])).toBe(false);
    await driver.close();
  });

  it("the decision is older than 5 s by the database's clock", async () => {
    const driver = batchOnly(":memory:", null);
    await migrate(driver);
    const guard = (ageMs: number) => guardOf({ guards: [], charges: [] }, Date.now() - ageMs, true);
    await expect(driver.batch([guard(0)])).resolves.toBeDefined();
    await expect(driver.batch([guard(10_000)])).rejects.toThrow("ownline_guard_moved");
    await driver.close();
  });
});

describe("a decision whose guards have moved", () => {
  it("is made anew over what is there now, with its first clock forgotten", async () => {
    const { driver } = await ledger();
    const seen: unknown[] = [];
    const answer = await driver.transact([plain("select version from ownline_conversations")], ([rows = []]) => {
      const version = Number(rows[0]?.version);
      seen.push(version);
      // Another process comes in between.
      if (seen.length === 1) void driver.batch([plain("update ownline_conversations set version = version + 1")]);
      const guards: Guard[] = [{ on: "conversation", key: "c1", version }];
      return { statements: [], guard: { guards, charges: [], now: NOW }, answer: () => version };
    });
    expect(seen).toEqual([3, 4]);
    expect(answer).toBe(4);
    await driver.close();
  });

  it("fails after 20 times, and may be repeated", async () => {
    const { driver } = await ledger();
    let decisions = 0;
    const decided = driver.transact([], () => {
      decisions += 1;
      const guards: Guard[] = [{ on: "conversation", key: "c1", version: 9 }];
      return { statements: [], guard: { guards, charges: [], now: NOW }, answer: () => null };
    });
    await expect(decided).rejects.toMatchObject({ code: "storage_unavailable", retryable: true });
    expect(decisions).toBe(20);
    await driver.close();
  });
});

it("each change of a row that is guarded raises its version", async () => {
  const driver = batchOnly(":memory:", manualClock(NOW));
  const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
  await storage.open();
  const versions = async () => {
    const tables = ["conversations", "consents", "sweeps"];
    const read = await driver.read(tables.map((table) => plain(`select version from ownline_${table}`)));
    return read.map(([row]) => row?.version);
  };
  const sweep = { workerId: "w", sender: "s", everyMs: 0, leaseMs: 0 };
  const states = ["opted-out", "opted-in"] as const;
  for (const [index, state] of states.entries()) {
    await storage.recordInbound(text(`m${index}`, { consent: { state, source: "word" } }));
    await storage.claimSweep({ callId: `${index}`, ...sweep });
    expect(await versions()).toEqual([index + 1, index + 1, index + 1]);
  }
  await storage.close();
});
