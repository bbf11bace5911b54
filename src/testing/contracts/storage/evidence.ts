import { equal, present } from "./assert.ts";
import { attemptsOf, competingAttempts, lost } from "./competing-attempts.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { UNKNOWN_WINDOW_MS } from "./terms.ts";

/** Evidence from the provider's list about a text of which the provider's answer was lost. */
export const evidenceCases: readonly StorageCase[] = [
  {
    name: "shows how long a text has been unknown, and which of its attempts are",
    async run(s) {
      const id = await lost(s);
      await s.advance(UNKNOWN_WINDOW_MS);
      const [due] = (await s.due(10)).messages;
      s.near(present(due?.unknown, "its state").forMs, UNKNOWN_WINDOW_MS, "forMs");
      equal(due?.unknown?.evidenceSince, null, "evidenceSince");
      equal(due?.unknown?.attempts, await attemptsOf(s, id), "attempts");
      await s.resolve(id, "resend");
      equal((await s.due(10)).messages[0]?.unknown, null, "the state of an waiting");
      await s.advance(1_000);
      await s.sending(id);
      await s.lose(id, 2);
      await s.advance(UNKNOWN_WINDOW_MS);
      const again = present((await s.due(10)).messages[0]?.unknown, "its state");
      equal(again.attempts, await attemptsOf(s, id), "both attempts, oldest first");
      equal(again.attempts.length, 2, "attempts");
      s.near(again.forMs, UNKNOWN_WINDOW_MS, "forMs, since it became unknown again");
    },
  },
  {
    name: "looks again later for a text that the list does not show yet, and changes nothing else",
    async run(s) {
      const id = await lost(s);
      const before = await s.storyOf(id);
      const delivery = await unseen(s, id, 20_000, null);
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["recorded", false, "unknown"],
        "the delivery",
      );
      equal(await s.storyOf(id), before, "the story");
      s.near((await s.due(10)).nextInMs, 20_000, "nextInMs");
      await s.advance(20_000);
      equal(await s.dueIds(), [id], "due");
      s.near((await s.due(10)).messages[0]?.unknown?.forMs ?? null, 20_000, "forMs goes on");
    },
  },
  {
    name: "keeps the provider's clock of the first look that had one, for as long as the text is unknown",
    async run(s) {
      const id = await lost(s);
      for (const [asOf, kept] of [
        [null, null],
        [5_000, 5_000],
        [9_000, 5_000],
        [null, 5_000],
        [1_000, 5_000],
      ] as const) {
        await unseen(s, id, 0, asOf);
        equal(await evidenceSince(s), kept, `evidenceSince after ${asOf}`);
      }
      await s.resolve(id, "resend");
      await s.sending(id);
      await s.sendResult(id, 2, { kind: "unknown", lookInMs: 0, error: { code: null, reason: "Lost." } });
      equal(await evidenceSince(s), null, "evidenceSince of the next time");
      await unseen(s, id, 0, 70_000);
      equal(await evidenceSince(s), 70_000, "its own evidence");
    },
  },
  {
    name: "does not record an absence when the text is not unknown any more",
    async run(s) {
      const id = await lost(s);
      await s.callback(id, "sent");
      const before = await s.snapshot();
      const delivery = await unseen(s, id, 0, 1_000);
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["repeated", false, "sent"],
        "the late look",
      );
      equal((await unseen(s, "o-absent", 0, null)).outcome, "unmatched", "of a text that is not there");
      equal(await s.snapshot(), before, "the ledger");
    },
  },
  {
    name: "believes the list when it shows an unknown attempt",
    async run(s) {
      const [first, second] = await s.waitingMessages(2);
      const id = present(first, "the first part").id;
      await s.sending(id);
      await s.lose(id);
      const delivery = await found(s, id, "SM-found", "sent");
      equal([delivery.outcome, delivery.changed, delivery.duplicate], ["recorded", true, false], "the delivery");
      equal([delivery.message?.status, delivery.message?.providerMessageIds], ["sent", ["SM-found"]], "the text");
      const [attempt] = (await s.storyOf(id)).attempts;
      equal([attempt?.status, attempt?.providerMessageId, attempt?.error], ["sent", "SM-found", null], "the attempt");
      equal(
        attempt?.events.map(({ providerMessageId, status, rawStatus }) => [providerMessageId, status, rawStatus]),
        [["SM-found", "sent", "sent"]],
        "events",
      );
      equal(await s.dueIds(), [second?.id], "due");
      const late = await s.callback(id, "delivered", {
        providerMessageId: "SM-found",
        outboundId: null,
        attempt: null,
      });
      equal(late.message?.status, "delivered", "a callback by the id that was found");
    },
  },
  {
    name: "cancels the later parts when the list shows that a part failed",
    async run(s) {
      const [first, second] = await s.waitingMessages(2);
      const id = present(first, "the first part").id;
      await s.sending(id);
      await s.lose(id);
      const delivery = await found(s, id, "SM-found", "failed");
      equal(
        [delivery.message?.status, delivery.cancelled.map((part) => part.id)],
        ["failed", [second?.id]],
        "the delivery",
      );
    },
  },
  {
    name: "does not take another text's entry of the list for an unknown one's",
    async run(s) {
      const other = await s.waiting({ participant: "+15550199002" });
      await s.sending(other);
      await s.accept(other, 1, "SM-other");
      const own = await lost(s);
      const before = await s.snapshot();
      const delivery = await found(s, own, "SM-other", "delivered");
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["repeated", false, "unknown"],
        "the delivery",
      );
      equal(await s.snapshot(), before, "the ledger");
    },
  },
  {
    name: "does not take an erased text's entry of the list for an unknown one's",
    async run(s) {
      const other = await s.waiting({ participant: "+15550199002" });
      await s.sending(other);
      await s.accept(other, 1, "SM-erased");
      await s.storage.erase({ callId: s.id("call"), participant: "+15550199002", line: null });
      const own = await lost(s);
      const delivery = await found(s, own, "SM-erased", "delivered");
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["repeated", false, "unknown"],
        "the delivery",
      );
      equal((await competingAttempts(s, own, ["SM-erased", "SM-new"])).known, ["SM-erased"], "known ids");
    },
  },
  {
    name: "does not take a purged text's entry of the list for an unknown one's",
    async run(s) {
      const other = await s.waiting({ participant: "+15550199002" });
      await s.sending(other);
      await s.accept(other, 1, "SM-purged");
      await s.callback(other, "delivered");
      await s.advance(100_000);
      equal((await s.storage.purge({ callId: s.id("call"), olderThanMs: 50_000, limit: 10 })).messages, 1, "what went");
      const own = await lost(s);
      const delivery = await found(s, own, "SM-purged", "delivered");
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["repeated", false, "unknown"],
        "the delivery",
      );
      equal((await competingAttempts(s, own, ["SM-purged", "SM-new"])).known, ["SM-purged"], "known ids");
    },
  },
  {
    name: "finds nothing for an attempt that is not unknown any more",
    async run(s) {
      const spoken = await s.waiting();
      await s.sending(spoken);
      await s.lose(spoken);
      await s.callback(spoken, "sent");
      const refused = await s.waiting({ participant: "+15550199002" });
      await s.sending(refused);
      await s.lose(refused);
      await s.refuse(refused, "fail");
      const onItsWay = await s.waiting({ participant: "+15550199003" });
      await s.sending(onItsWay);
      const before = await s.snapshot();
      for (const id of [spoken, refused, onItsWay]) {
        const delivery = await found(s, id, s.id("SM"), "delivered");
        equal([delivery.outcome, delivery.changed, delivery.duplicate], ["repeated", false, false], "the delivery");
      }
      equal((await found(s, "o-absent", "SM-x", "sent")).outcome, "unmatched", "of a text that is not there");
      equal(await s.snapshot(), before, "the ledger");
    },
  },
];

function found(s: Scene, id: string, providerMessageId: string, status: "sent" | "delivered" | "failed") {
  return s.sendResult(id, 1, { kind: "found", providerMessageId, status });
}

function unseen(s: Scene, id: string, lookInMs: number, asOf: number | null) {
  return s.sendResult(id, 1, { kind: "unseen", lookInMs, asOf });
}

async function evidenceSince(s: Scene): Promise<number | null | undefined> {
  return (await s.due(10)).messages[0]?.unknown?.evidenceSince;
}
