import type { CompetingAttempts, UnknownAttempt } from "../../../storage/storage.ts";
import { equal, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { FREE, LEASE_MS, PERSON, UNKNOWN_WINDOW_MS } from "./terms.ts";

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
      equal((await competingAttempts(s, first)).attempts, alike, "competingAttempts of the first, itself among them");
      equal((await competingAttempts(s, second)).attempts, alike, "competingAttempts of the second");
      equal(
        (await competingAttempts(s, other)).attempts,
        await attemptsOf(s, other),
        "competingAttempts of another content",
      );
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
        "competingAttempts",
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

async function lost(s: Scene, participant: string = PERSON): Promise<string> {
  const id = await s.waiting({ participant });
  await s.sending(id);
  await s.lose(id);
  return id;
}

function found(s: Scene, id: string, providerMessageId: string, status: "sent" | "delivered" | "failed") {
  return s.sendResult(id, 1, { kind: "found", providerMessageId, status });
}

function unseen(s: Scene, id: string, lookInMs: number, asOf: number | null) {
  return s.sendResult(id, 1, { kind: "unseen", lookInMs, asOf });
}

async function evidenceSince(s: Scene): Promise<number | null | undefined> {
  return (await s.due(10)).messages[0]?.unknown?.evidenceSince;
}

function competingAttempts(
  s: Scene,
  outboundId: string,
  providerMessageIds: readonly string[] = [],
): Promise<CompetingAttempts> {
  return s.storage.competingAttempts({ outboundId, providerMessageIds });
}

/** The unknown attempts of a text, as its story has them. */
async function attemptsOf(s: Scene, id: string): Promise<UnknownAttempt[]> {
  return (await s.storyOf(id)).attempts
    .filter(({ status }) => status === "unknown" || status === "sending")
    .map(({ outboundId, attempt, startedAt }) => ({ outboundId, attempt, startedAt }));
}
