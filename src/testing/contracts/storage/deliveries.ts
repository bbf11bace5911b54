import { equal, ok, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { consentKeyOf, PERSON } from "./terms.ts";

/** The provider's answers to attempts. */
export const deliveryCases: readonly StorageCase[] = [
  {
    name: "records that the provider took a text",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const delivery = await s.accept(id, 1, "SM1");
      const { outcome, changed, duplicate, cancelled, consentChanged } = delivery;
      equal(
        { outcome, changed, duplicate, cancelled, consentChanged },
        { outcome: "recorded", changed: true, duplicate: false, cancelled: [], consentChanged: false },
        "the delivery",
      );
      equal(
        [delivery.message?.status, delivery.message?.providerMessageIds, delivery.message?.changedSeq],
        ["accepted", ["SM1"], 3],
        "the text",
      );
      const again = await s.accept(id, 1, "SM1");
      equal([again.outcome, again.changed, again.duplicate], ["repeated", false, false], "the same answer again");
      const attempt = present((await s.storyOf(id)).attempts[0], "the attempt");
      equal([attempt.status, attempt.providerMessageId, attempt.error], ["accepted", "SM1", null], "the attempt");
      equal(
        attempt.events.map(({ status, times }) => [status, times]),
        [["accepted", 2]],
        "events",
      );
    },
  },
  {
    name: "takes a text back that the provider refused for now, and sends it again later",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const { message, changed } = await s.refuse(id, "retry", { retryInMs: 30_000 });
      equal([message?.status, message?.attempts, changed], ["waiting", 1, true], "the text");
      equal(await s.dueIds(), [], "due");
      s.near((await s.due(10)).nextInMs, 30_000, "nextInMs");
      await s.advance(30_000);
      equal(await s.dueIds(), [id], "due after the backoff");
      equal(await s.sending(id), 2, "attempt");
      equal((await s.accept(id, 2)).message?.status, "accepted", "the second attempt");
      const shown = (await s.storyOf(id)).attempts.map(({ attempt, status, error }) => [attempt, status, error?.code]);
      equal(
        shown,
        [
          [1, "refused", 21610],
          [2, "accepted", undefined],
        ],
        "attempts",
      );
    },
  },
  {
    name: "gives up a text that the provider refused for good",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const { message, consentChanged } = await s.refuse(id, "fail");
      equal(
        [message?.status, message?.error],
        ["failed", { code: 21610, reason: "The provider refused it." }],
        "the text",
      );
      equal(consentChanged, false, "consentChanged");
      equal((await s.claimSend(id)).outcome, "gone", "the send admission");
      equal(await s.dueIds(), [], "due");
    },
  },
  {
    name: "takes a refused send for an opt-out, with all that STOP does",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      const [first, second] = await s.waitingMessages(2);
      const elsewhere = await s.waiting({ line: "+15550100002" });
      const [one, two] = [present(first, "1").id, present(second, "2").id];
      await s.sending(one);
      const delivery = await s.refuse(one, "opt-out");
      equal([delivery.message?.status, delivery.consentChanged], ["failed", true], "the delivery");
      equal(delivery.cancelled.map(({ id }) => id).toSorted(), [two, elsewhere].toSorted(), "cancelled");
      const consent = await s.storage.consent(consentKeyOf(PERSON));
      equal([consent?.state, consent?.source], ["opted-out", "refused-send"], "consent");
      equal((await s.commit(claimed)).outcome, "lost", "the running turn");
      const conversation = await s.storage.conversation(claimed.conversation.id);
      equal([conversation?.answeredSeq, (await s.due(10)).turns], [1, false], "what was unanswered");
      equal((await s.posted()).outcome, "opted-out", "the next text");
    },
  },
  {
    name: "does not opt anybody out for a send that began before their START",
    async run(s) {
      await s.storage.recordInbound(s.start());
      await s.advance(60_000);
      const [first, second] = await s.waitingMessages(2);
      const [one, two] = [present(first, "1").id, present(second, "2").id];
      await s.sending(one);
      await s.advance(60_000);
      equal((await s.storage.recordInbound(s.start())).consentChanged, false, "a START of a person who is opted in");
      const unanswered = present((await s.texted()).message, "a text after it");
      const delivery = await s.refuse(one, "opt-out");
      equal([delivery.message?.status, delivery.consentChanged], ["failed", false], "the delivery");
      equal(
        delivery.cancelled.map(({ id, error }) => [id, error?.reason]),
        [[two, "An earlier part of the same text was not sent."]],
        "the later part of the same text",
      );
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-in", "consent");
      await s.advance(60_000);
      equal((await s.claim())?.messages, [unanswered], "what waits for an answer");
      const later = await s.waiting();
      await s.sending(later);
      equal((await s.refuse(later, "opt-out")).consentChanged, true, "a send that began after the START");
    },
  },
  {
    name: "does not opt anybody out anew for a callback that comes again after their START",
    async run(s) {
      const id = await s.waiting();
      await s.sent(id);
      const error = { code: 21610, reason: "The person opted out." };
      equal((await s.callback(id, "failed", { error, optOut: true })).consentChanged, true, "the callback");
      await s.advance(60_000);
      await s.storage.recordInbound(s.start());
      const waiting = await s.waiting();
      const again = await s.callback(id, "failed", { error, optOut: true });
      equal([again.outcome, again.consentChanged, again.cancelled], ["repeated", false, []], "its repetition");
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-in", "consent");
      equal(await s.statuses([waiting]), ["waiting"], "what waits to be sent");
    },
  },
  {
    name: "does not lose an answer to a delivery that came first",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.callback(id, "sent");
      const late = await s.lose(id);
      equal([late.changed, late.message?.status], [false, "sent"], "the silence that came late");
      const refused = await s.refuse(id, "fail");
      equal(refused.outcome, "repeated", "the outcome of a refusal that cannot be true");
      equal([refused.changed, refused.message?.status], [false, "sent"], "a refusal that cannot be true");
      equal((await s.storyOf(id)).attempts[0]?.status, "sent", "the attempt");
      equal(await s.dueIds(), [], "due");
    },
  },
  {
    name: "keeps a second provider's id and says that it is a duplicate",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      equal(await s.sending(id), 2, "attempt");
      const second = await s.accept(id, 2, "SM2");
      equal([second.duplicate, second.message?.providerMessageIds], [false, ["SM2"]], "the second attempt");
      const first = await s.accept(id, 1, "SM1");
      equal(
        [first.duplicate, first.changed, first.message?.providerMessageIds],
        [true, false, ["SM2", "SM1"]],
        "the first attempt",
      );
      const found = await s.callback(id, "delivered", { outboundId: null, attempt: null, providerMessageId: "SM1" });
      equal([found.message?.status, found.duplicate], ["delivered", true], "a callback for the first");
      const failed = await s.callback(id, "failed", { attempt: 2, providerMessageId: "SM2" });
      equal([failed.message?.status, failed.changed], ["delivered", false], "the best of its attempts");
      const shown = (await s.storyOf(id)).attempts.map(({ attempt, status, providerMessageId }) => [
        attempt,
        status,
        providerMessageId,
      ]);
      equal(
        shown,
        [
          [1, "delivered", "SM1"],
          [2, "failed", "SM2"],
        ],
        "attempts",
      );
    },
  },
  {
    name: "shows the best of its attempts, the first or the second",
    async run(s) {
      for (const best of [1, 2]) {
        const id = await s.waiting({ participant: `+155501990${best}0` });
        await s.sending(id);
        await s.lose(id);
        await s.resolve(id, "resend");
        await s.sent(id);
        for (const attempt of [1, 2]) {
          await s.callback(id, attempt === best ? "delivered" : "undelivered", { attempt });
        }
        equal((await s.outbound(id)).status, "delivered", `where attempt ${best} arrived`);
      }
    },
  },
  {
    name: "keeps a second provider's id for one attempt, too",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.callback(id, "sent", { providerMessageId: "SM1" });
      const delivery = await s.accept(id, 1, "SM2");
      equal(
        [delivery.duplicate, delivery.message?.status, delivery.message?.providerMessageIds],
        [true, "sent", ["SM1", "SM2"]],
        "the delivery",
      );
      equal((await s.storyOf(id)).attempts[0]?.providerMessageId, "SM1", "the attempt's own id");
      const found = await s.callback(id, "delivered", { outboundId: null, attempt: null, providerMessageId: "SM2" });
      equal(found.message?.status, "delivered", "a callback for the second id");
    },
  },
  {
    name: "matches no delivery to an attempt that never was",
    async run(s) {
      const id = await s.waiting();
      const before = await s.snapshot();
      equal((await s.accept(id, 1)).outcome, "unmatched", "an attempt that was not made");
      equal((await s.accept("o-absent", 1)).outcome, "unmatched", "a text that is not there");
      const unchanged = { changed: false, duplicate: false, cancelled: [], consentChanged: false };
      const nothing = { message: null, ...unchanged, nextInMs: null };
      const stray = await s.callback("o-absent", "sent", { providerMessageId: "SM-absent", optOut: true });
      equal(stray, { outcome: "unmatched", ...nothing }, "a callback for no message");
      equal(await s.snapshot(), before, "the ledger");
      ok((await s.sending(id)) === 1, "the first attempt");
    },
  },
];
