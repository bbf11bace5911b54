import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { sqlite } from "../../src/storage/sqlite.ts";
import { inboundRecord as text } from "./inbound-record.ts";

/** What writes the messages that several calls changed, with the join that statistics of a small ledger turn around. */
const UPDATE = `update ownline_messages as t set changed_seq = j.value ->> 0 from json_each('[]') j
  where t.id = j.value ->> 1`;

function readsMessagesWhole(database: DatabaseSync): boolean {
  const plan = database.prepare(`explain query plan ${UPDATE}`).all();
  return plan.some(({ detail }) => String(detail).startsWith("SCAN t"));
}

/** A ledger with three texts, and a table of the service beside it, analyzed. */
async function analyzed(): Promise<DatabaseSync> {
  const database = new DatabaseSync(":memory:");
  const storage = sqlite(database);
  await storage.open();
  for (const id of ["m1", "m2", "m3"]) await storage.recordInbound(text(id));
  database.exec("create table bookings (id text primary key); insert into bookings values ('b1'); analyze");
  return database;
}

describe("statistics that were noted down while the ledger was small", () => {
  it("let SQLite read a table from end to end", async () => {
    expect(readsMessagesWhole(await analyzed())).toBe(true);
  });

  it("are forgotten when the ledger is opened again", async () => {
    const database = await analyzed();
    const storage = sqlite(database);
    await storage.open();
    expect(readsMessagesWhole(database)).toBe(false);
    expect((await storage.recordInbound(text("m4"))).message?.seq).toBe(4);
  });

  it("of the service's own tables stay", async () => {
    const database = await analyzed();
    await sqlite(database).open();
    expect(database.prepare("select distinct tbl from sqlite_stat1").all()).toEqual([{ tbl: "bookings" }]);
  });
});
