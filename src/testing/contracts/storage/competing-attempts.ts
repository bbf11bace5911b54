import type { CompetingAttempts, UnknownAttempt } from "../../../storage/storage.ts";
import { equal } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { FREE, LEASE_MS, PERSON } from "./terms.ts";

/** Which attempts an entry of the provider's list may belong to, where the answers to several were lost. */
export const competingAttemptsCases: readonly StorageCase[] = [
  {
    name: "knows every unknown attempt that says the same in the same conversation",
    async run(s) {
      const parts = () => [s.part(s.id("o"))];
      const [first, second] = [await s.waiting({ parts: parts() }), await s.waiting({ parts: parts() })];
      const pictured = { ...s.part(s.id("o")), media: [{ url: "https://example.com/1", contentType: "image/png" }] };
      const other = await s.waiting({ parts: [pictured] });
      const elsewhere = await s.waiting({ parts: parts(), participant: "+15550199002" });
      for (const id of [first, second, other, elsewhere]) {
        await s.sending(id, { orderWaitMs: 0 });
        await s.lose(id);
        await s.advance(1_000);
      }
      const alike = [...(await attemptsOf(s, first)), ...(await attemptsOf(s, second))];
      equal((await competingAttempts(s, first)).attempts, alike, "those of the first, itself among them");
      equal((await competingAttempts(s, second)).attempts, alike, "those of the second");
      equal((await competingAttempts(s, other)).attempts, await attemptsOf(s, other), "those of another content");
      equal(
        (await competingAttempts(s, elsewhere)).attempts,
        await attemptsOf(s, elsewhere),
        "in another conversation",
      );
      await s.callback(second, "delivered");
      equal((await competingAttempts(s, first)).attempts, await attemptsOf(s, first), "after one was settled");
      equal(
        await competingAttempts(s, "o-absent", ["SM-x"]),
        { attempts: [], known: [] },
        "of a text that is not there",
      );
    },
  },
  {
    name: "counts an unknown attempt as a competing one in any state of its text",
    async run(s) {
      const parts = () => [s.part(s.id("o"))];
      const [sent, dropped, reclaimed] = [
        await s.waiting({ parts: parts() }),
        await s.waiting({ parts: parts() }),
        await s.waiting({ parts: parts() }),
      ];
      await s.sending(sent);
      await s.lose(sent);
      await s.resolve(sent, "resend");
      await s.sent(sent);
      await s.sending(dropped);
      await s.lose(dropped);
      await s.resolve(dropped, "drop");
      await s.sending(reclaimed, { workerId: "expired" });
      await s.advance(LEASE_MS + 1);
      await s.heartbeat();
      equal(
        (await competingAttempts(s, reclaimed)).attempts.map(({ outboundId, attempt }) => [outboundId, attempt]),
        [
          [sent, 1],
          [dropped, 1],
          [reclaimed, 1],
        ],
        "competing attempts",
      );
    },
  },
  {
    name: "counts an attempt that is under way as a competing one: its entry may be in the list before its answer is recorded",
    async run(s) {
      const parts = () => [s.part(s.id("o"))];
      await s.storage.recordInbound(s.text({ autoReply: { ...s.part(s.id("a")), conditions: FREE } }));
      const [silent, later] = [await s.waiting({ parts: parts() }), await s.waiting({ parts: parts() })];
      await s.sending(silent);
      await s.lose(silent);
      await s.advance(1_000);
      const alone = await attemptsOf(s, silent);
      equal((await competingAttempts(s, silent)).attempts, alone, "while the other waits");
      await s.sending(later, { orderWaitMs: 0 });
      const both = [...alone, ...(await attemptsOf(s, later))];
      equal(both.length, 2, "attempts");
      equal((await competingAttempts(s, silent)).attempts, both, "while the other is under way");
      await s.accept(later, 1, "SM-later");
      const settled = await competingAttempts(s, silent, ["SM-later"]);
      equal(settled, { attempts: alone, known: ["SM-later"] }, "once the provider's id is known");
    },
  },
  {
    name: "says which of the provider's ids are known, in the order asked",
    async run(s) {
      const [first, second] = [await s.waiting(), await s.waiting()];
      for (const id of [first, second]) {
        await s.sending(id);
        await s.accept(id, 1, `SM-${id}`);
      }
      await s.callback(first, "sent", { providerMessageId: "SM-second-id" });
      const own = await lost(s);
      const asked = ["SM-new", `SM-${second}`, "SM-second-id", "SM-newer", `SM-${first}`];
      equal(
        (await competingAttempts(s, own, asked)).known,
        [`SM-${second}`, "SM-second-id", `SM-${first}`],
        "known ids",
      );
    },
  },
];

/** A message whose first attempt is unknown. */
export async function lost(s: Scene, participant: string = PERSON): Promise<string> {
  const id = await s.waiting({ participant });
  await s.sending(id);
  await s.lose(id);
  return id;
}

export function competingAttempts(
  s: Scene,
  outboundId: string,
  providerMessageIds: readonly string[] = [],
): Promise<CompetingAttempts> {
  return s.storage.competingAttempts({ outboundId, providerMessageIds });
}

/** The unknown attempts of a text, as its story has them. */
export async function attemptsOf(s: Scene, id: string): Promise<UnknownAttempt[]> {
  return (await s.storyOf(id)).attempts
    .filter(({ status }) => status === "unknown" || status === "sending")
    .map(({ outboundId, attempt, startedAt }) => ({ outboundId, attempt, startedAt }));
}
