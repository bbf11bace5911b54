import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { LINE } from "./terms.ts";

const EVERY_MS = 600_000;
const SWEEP_LEASE_MS = 30_000;

/** Which worker searches for lost webhooks, and from which time on. */
export const sweepCases: readonly StorageCase[] = [
  {
    name: "gives the search for lost webhooks to one worker at a time",
    async run(s) {
      const first = present(await claimSweep(s), "the first claim");
      equal(first.watermark, null, "watermark");
      equal(await claimSweep(s), null, "a second claim");
      ok((await claimSweep(s, "+15550100002")) !== null, "another sender is free");
      equal(await commitSweep(s, first.fence, 5_000), true, "commit");
      equal(await commitSweep(s, first.fence, 9_000), false, "a second commit");
      equal(await claimSweep(s), null, "a claim too soon");
      await s.advance(EVERY_MS);
      const next = present(await claimSweep(s), "the next claim");
      equal(next.watermark, 5_000, "watermark");
      ok(next.fence > first.fence, "the fence rises");
    },
  },
  {
    name: "gives the search to another worker when the first worker's claim is over",
    async run(s) {
      const first = present(await claimSweep(s), "the first claim");
      await s.advance(SWEEP_LEASE_MS + 1);
      const second = present(await claimSweep(s), "the second claim");
      equal(second.watermark, null, "watermark");
      equal(await commitSweep(s, first.fence, 1_000), false, "the late commit");
      equal(await commitSweep(s, second.fence, 2_000), true, "the second worker's commit");
      await s.advance(EVERY_MS);
      equal((await claimSweep(s))?.watermark, 2_000, "watermark");
    },
  },
  {
    name: "says which texts it has never recorded, an erased one not among them",
    async run(s) {
      const [stored, erased] = [s.text(), s.text({ participant: "+15550199002" })];
      await s.storage.recordInbound(stored);
      await s.storage.recordInbound(erased);
      await s.storage.erase({ callId: s.id("call"), participant: "+15550199002", line: null });
      const asked = ["AC1:SM-new", stored.key, "AC1:SM-also-new", erased.key];
      equal(await s.storage.unrecorded(asked), ["AC1:SM-new", "AC1:SM-also-new"], "unrecorded");
      equal(await s.storage.unrecorded([]), [], "of none");
      const many = Array.from({ length: 999 }, (_, at) => `AC1:SM-many-${at}`);
      equal(await s.storage.unrecorded([...many, stored.key]), many, "of a thousand");
      // An outbound message with the same text as provider's id or send key does not count as recorded.
      const sent = s.post({ key: "AC1:SM-send-key" });
      await s.storage.recordOutbound(sent);
      equal(await s.storage.unrecorded(["AC1:SM-send-key"]), ["AC1:SM-send-key"], "a send key");
    },
  },
  {
    name: "gives the search to one of two workers who race for it",
    async run(s) {
      for (let round = 0; round < 4; round += 1) {
        const sender = `+1555010001${round}`;
        // First the first search of a sender, then a later search.
        for (const what of ["claims of the first", "claims of the second"]) {
          const claims = await Promise.all(
            [s.storage, s.second].map((storage, at) => storage.claimSweep(sweepOf(s, sender, `w${at}`))),
          );
          equal(claims.filter((claim) => claim !== null).length, 1, what);
          await s.advance(EVERY_MS);
        }
      }
    },
  },
];

function sweepOf(s: Scene, sender: string, workerId: string) {
  return { callId: s.id("call"), workerId, sender, everyMs: EVERY_MS, leaseMs: SWEEP_LEASE_MS };
}

function claimSweep(s: Scene, sender: string = LINE) {
  return s.storage.claimSweep(sweepOf(s, sender, "w1"));
}

function commitSweep(s: Scene, fence: number, watermark: number) {
  return s.storage.commitSweep({ callId: s.id("call"), sender: LINE, fence, watermark });
}
