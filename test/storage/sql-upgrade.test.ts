import { describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import type { SqlDriver, SqlRow } from "../../src/storage/sql/driver.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { MIGRATIONS } from "../../src/storage/sql/schema.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";

const LINE = "+15550100001";
const PERSON = "+15550199001";
const CONTENT = '{"body":"Hello!","media":[]}';

/*
 * What the code of version 1 wrote, and goes on writing during a deploy: its statements, with their values in place.
 */

const CONVERSATION = `insert into ownline_conversations
  (id, line, participant, sender, consent_key, seq, inbound_seq, answered_seq, pending_seq, created_at, updated_at)
  values ('c1', '${LINE}', '${PERSON}', '${LINE}', 'consent', 2, 1, 1, 1, 0, 0)`;

const text = (id: string, seq: number): string => `insert into ownline_messages
  (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at, carrier_id, occurred_at,
    needs_answer)
  values ('${id}', 'c1', ${seq}, ${seq}, 'webhook', '${LINE}', '${PERSON}', '${CONTENT}', 0, 'SM-${id}', 0, 1)`;

const reply = (id: string, seq: number, turnId: string): string => `insert into ownline_messages
  (id, conversation_id, seq, changed_seq, origin, sender, participant, content, created_at, status, group_id, part,
    parts, turn_id, attempts, carrier_ids, encoding, segments, expires_at, not_before, order_until, due_at)
  values ('${id}', 'c1', ${seq}, ${seq}, 'ai', '${LINE}', '${PERSON}', '${CONTENT}', 0, 'intent', '${turnId}', 1, 1,
    '${turnId}', 0, '[]', 'GSM-7', 1, 3600000, 0, 0, 0)`;

const CLAIM_TURN = `insert into ownline_turns (id, conversation_id, first_seq, through_seq, runs, created_at)
  select 't' || m.id, c.id, m.seq, c.pending_seq, 1, 0
  from ownline_conversations c join ownline_messages m
    on m.conversation_id = c.id and m.needs_answer = 1 and m.seq > c.answered_seq
  where c.id = 'c1' order by m.seq limit 1
  on conflict (id) do update set runs = runs + 1, through_seq = excluded.through_seq`;

const CLAIM_SEND = (id: string): readonly string[] => [
  `update ownline_messages as m set status = 'sending', attempts = m.attempts + 1, error = null, due_at = null
    where m.id = '${id}'`,
  `insert into ownline_attempts (outbound_id, n, status, started_at, worker) values ('${id}', 1, 'sending', 0, 'old')`,
];

const LOSE = (id: string): readonly string[] => [
  `update ownline_attempts as a set status = 'unknown', worker = null where a.outbound_id = '${id}'`,
  `update ownline_messages as m set unknown_since = 0, settle_at = 0, status = 'unknown', due_at = 0
    where m.id = '${id}'`,
];

async function write(driver: SqlDriver, statements: readonly string[]): Promise<void> {
  await driver.batch(statements.map((sql) => ({ sql, params: [] })));
}

async function rows(driver: SqlDriver, sql: string): Promise<readonly SqlRow[]> {
  const [found = []] = await driver.read([{ sql, params: [] }]);
  return found;
}

/** A ledger of version 1 in which a fallback was lost on its way, brought to the present version. */
async function upgraded() {
  const clock = manualClock(1_000);
  const driver = batchOnly(":memory:", clock);
  await migrate(driver, MIGRATIONS.slice(0, 1));
  await write(driver, [
    CONVERSATION,
    text("m1", 1),
    `insert into ownline_turns (id, conversation_id, first_seq, through_seq, runs, outcome, created_at, committed_at)
      values ('tm1', 'c1', 1, 1, 1, 'fallback', 0, 0)`,
    reply("tm1-1", 2, "tm1"),
    ...CLAIM_SEND("tm1-1"),
    ...LOSE("tm1-1"),
  ]);
  const storage = ledgerOver(sqlDatabase(driver, { migrate, migratesAtOpen: true }));
  await storage.open();
  return { clock, driver, storage };
}

describe("a ledger of schema 1, upgraded", () => {
  it("may still be written by code of version 1", async () => {
    const { driver, storage } = await upgraded();
    const versions = MIGRATIONS.map(({ version }) => version);
    expect(await rows(driver, "select version, min_writer from ownline_meta")).toEqual([
      { version: versions.at(-1), min_writer: 1 },
    ]);
    await storage.close();
  });

  it("keeps what it holds, and can do with it what is new", async () => {
    const { clock, storage } = await upgraded();
    const { messages } = await storage.due(10);
    const attempts = [{ outboundId: "tm1-1", attempt: 1, startedAt: 0 }];
    const forMs = clock.now();
    expect(messages.map(({ unknown }) => unknown)).toEqual([{ forMs, witnessSince: null, attempts }]);
    expect(await storage.rivals({ outboundId: "tm1-1", carrierIds: ["SM1"] })).toEqual({ attempts, known: [] });
    expect(await storage.requeueTurn({ op: "1", turnId: "tm1" })).toMatchObject({ outcome: "requeued" });
    const claimed = await storage.claimTurn({ op: "2", workerId: "new", leaseMs: 1_000 });
    expect(claimed?.turn.id).toBe("tm1.1");
    await storage.close();
  });

  it("takes what code of version 1 writes, and shows it to code of this version", async () => {
    const { driver, storage } = await upgraded();
    await write(driver, [text("m2", 3), "update ownline_conversations set seq = 4, inbound_seq = 3, pending_seq = 3"]);
    await write(driver, [CLAIM_TURN, reply("tm2-1", 4, "tm2"), ...CLAIM_SEND("tm2-1"), ...LOSE("tm2-1")]);
    await write(driver, [CLAIM_TURN]);
    expect(await rows(driver, "select id, runs from ownline_turns where outcome is null")).toEqual([
      { id: "tm2", runs: 2 },
    ]);
    const { attempts } = await storage.rivals({ outboundId: "tm1-1", carrierIds: [] });
    expect(attempts.map(({ outboundId }) => outboundId)).toEqual(["tm1-1", "tm2-1"]);
    expect((await storage.story("m2"))?.turn?.id).toBe("tm2");
    await storage.close();
  });

  it("does not take a witness of an earlier time for one of the present", async () => {
    const { clock, driver, storage } = await upgraded();
    const asked = {
      op: "1",
      outboundId: "tm1-1",
      attempt: 1,
      result: { kind: "unseen", lookInMs: 0, asOf: 7 },
    } as const;
    await storage.recordSend(asked);
    const witnesses = async () => (await storage.due(10)).messages.map(({ unknown }) => unknown?.witnessSince);
    expect(await witnesses()).toEqual([7]);
    await clock.advance(1);
    await write(driver, [`update ownline_messages set unknown_since = ${clock.now()} where id = 'tm1-1'`]);
    expect(await witnesses()).toEqual([null]);
    await storage.close();
  });
});
