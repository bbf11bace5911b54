import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import { sqlite } from "../../src/storage/sqlite.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { rig } from "./rig.ts";

const MONTH_MS = 30 * 86_400_000;
const QUEUE = 100_000;
/** More than a worker looks at in a second. */
const LOOKED_AT = 300;

/** Copies a row of a table for each place in the queue, with other values in some columns; `i` is the place. */
function multiply(file: DatabaseSync, table: string, id: string, changed: Readonly<Record<string, string>>): void {
  const columns = file
    .prepare(`select name from pragma_table_info('${table}')`)
    .all()
    .map(({ name }) => String(name));
  const values = columns.map((name) => changed[name] ?? `t.${name}`);
  file.exec(`with recursive place(i) as (select 1 union all select i + 1 from place where i < ${QUEUE})
    insert into ${table} (${columns.join(", ")}) select ${values.join(", ")}
    from place cross join ${table} t where t.id = '${id}'`);
}

const RESERVATIONS = `select count(*) as messages, sum(reserved_at - created_at) as reserved, sum(due_at - created_at) as due, min(due_at) as first,
  max(due_at) as last, count(distinct due_at) as places, sum(reserved_epoch) as epoch, min(expires_at) as expires
  from ownline_messages where status = 'waiting'`;

it("leaves a queue of 100,000 reservations as it is where the ledger's clock was ahead for a second", async () => {
  const folder = mkdtempSync(join(tmpdir(), "ownline-clock-"));
  const path = join(folder, "ledger.db");
  const clock = manualClock();
  let offsetMs = 0;
  const storage = sqlite(path, { clock: { now: () => clock.now() + offsetMs } });
  const house = rig({ clock, storage, worker: { passLimit: LOOKED_AT } });
  for (const index of [0, 1]) await house.sms.send({ key: `${index}`, to: `+1234567120${index}`, body: "x" });
  await house.sms.processDue();
  const file = new DatabaseSync(path);
  const template = file.prepare("select id, conversation_id from ownline_messages where status = 'waiting'").get();
  const [id, conversationId] = [String(template?.id), String(template?.conversation_id)];
  const address = "'+1' || (2000000000 + i)";
  file.exec("begin");
  multiply(file, "ownline_conversations", conversationId, {
    id: "'c' || i",
    participant: address,
    participant_key: address,
  });
  const time = (column: string): string => `t.${column} + i * 1000`;
  multiply(file, "ownline_messages", id, {
    id: "'o' || i",
    conversation_id: "'c' || i",
    participant: address,
    key: "'k' || i",
    group_id: "'g' || i",
    reserved_at: time("reserved_at"),
    due_at: time("due_at"),
    not_before: time("not_before"),
    expires_at: time("expires_at"),
  });
  file.exec(`update ownline_rate_limits set free_at = free_at + ${QUEUE} * 1000`);
  file.exec("commit");
  const before = file.prepare(RESERVATIONS).get();
  expect(before).toMatchObject({ messages: QUEUE + 1, places: QUEUE + 1 });

  offsetMs = MONTH_MS;
  await house.sms.processDue();
  const moved = file
    .prepare("select count(*) as moved from ownline_messages where written_at > ?")
    .get(clock.now() + 1);
  expect(moved).toEqual({ moved: LOOKED_AT });
  offsetMs = 0;
  await house.sms.processDue();

  expect(file.prepare(RESERVATIONS).get()).toEqual(before);
  expect(house.provider.sent).toHaveLength(1);
  for (let place = 1; place <= 5; place += 1) {
    await clock.advance(1000);
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1 + place);
  }
  file.close();
  await house.sms.close();
  rmSync(folder, { recursive: true });
}, 120_000);
