import { describe, expect, it } from "vitest";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { memory } from "../../src/storage/memory.ts";
import { sqlDatabase } from "../../src/storage/sql/database.ts";
import { migrate } from "../../src/storage/sql/migrate.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { batchOnly } from "./batch-only-shim.ts";
import { inboundRecord } from "./inbound-record.ts";

const LEDGERS: Readonly<Record<string, (clock: ManualClock) => Storage>> = {
  memory: (clock) => memory({ clock }),
  sqlite: (clock) => sqlite(":memory:", { clock }),
  "batches alone": (clock) => ledgerOver(sqlDatabase(batchOnly(":memory:", clock), { migrate, migratesAtOpen: true })),
};

/** More than one heartbeat reclaims. */
const PEOPLE = 130;
const LEASE_MS = 15_000;

describe.each(Object.keys(LEDGERS))("an expired worker that holds many conversations, on %s", (name) => {
  it("is relieved of all of them by some heartbeats, each conversation once", async () => {
    const clock = manualClock();
    const storage = LEDGERS[name]?.(clock) ?? memory({ clock });
    await storage.open();
    for (let n = 0; n < PEOPLE; n += 1) {
      await storage.recordInbound(inboundRecord(`m${n}`, { participant: `+1555019${1000 + n}`, consentKey: `c${n}` }));
      await claimOne(storage, { callId: `claim${n}`, scope: "default", workerId: "expired", leaseMs: LEASE_MS });
    }
    await clock.advance(LEASE_MS + 1);
    const recovered: number[] = [];
    for (let heartbeat = 0; heartbeat < 3; heartbeat += 1) {
      expect((await storage.due({ scope: "default", workerId: "w1", limit: 1 })).nextInMs).toBe(
        heartbeat < 2 ? 0 : null,
      );
      const answer = await storage.heartbeat({
        callId: `heartbeat${heartbeat}`,
        scope: "default",
        workerId: "w",
        leaseMs: LEASE_MS,
        lookInMs: 0,
      });
      recovered.push(answer.recovered);
    }
    expect(recovered).toEqual([100, 30, 0]);
    let claimed = 0;
    while (
      (await claimOne(storage, { callId: `again${claimed}`, scope: "default", workerId: "w", leaseMs: LEASE_MS })) !==
      null
    )
      claimed += 1;
    expect(claimed).toBe(PEOPLE);
    await storage.close();
  });
});
