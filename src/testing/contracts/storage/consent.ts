import type { AutoReplyRecord, SendConditions } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { consentKeyOf, DEBOUNCE_MS, FREE, PERSON } from "./terms.ts";

const OTHER_LINE = "+15550100002";

/**
 * What STOP and START change in the commit that records them, and the auto-reply that goes in the webhook's response.
 */
export const consentCases: readonly StorageCase[] = [
  {
    name: "files consent with the text that changes it",
    async run(s) {
      const stop = await s.storage.recordInbound(s.stop());
      equal(stop.consentChanged, true, "consentChanged of STOP");
      const filed = present(await s.storage.consent(consentKeyOf(PERSON)), "consent");
      equal(
        filed,
        { state: "opted-out", source: "word", changedAt: present(stop.message, "STOP").createdAt },
        "consent",
      );
      await s.advance(1_000);
      const report = { state: "opted-out", source: "provider" } as const;
      const again = await s.storage.recordInbound(s.stop({ consent: report }));
      equal(again.consentChanged, false, "consentChanged of a second STOP");
      equal(await s.storage.consent(consentKeyOf(PERSON)), filed, "consent after a second STOP");
      const start = await s.storage.recordInbound(s.start());
      equal(start.consentChanged, true, "consentChanged of START");
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-in", "consent after START");
    },
  },
  {
    name: "needs no answer for what an opted-out person writes, until START",
    async run(s) {
      await s.storage.recordInbound(s.stop({ needsAnswer: true }));
      const { message } = await s.texted();
      equal(message?.needsAnswer, false, "needsAnswer after STOP");
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due");
      const start = await s.storage.recordInbound(s.start({ needsAnswer: true }));
      equal(start.message?.needsAnswer, true, "needsAnswer of START itself");
      equal(
        (await s.claimed()).messages.map(({ id }) => id),
        [start.message?.id ?? ""],
        "the texts to answer",
      );
    },
  },
  {
    name: "calls a running turn off with STOP",
    async run(s) {
      const first = await s.texted();
      const claimed = await s.claimed();
      const stop = await s.storage.recordInbound(s.stop());
      equal(stop.conversation?.answeredSeq, stop.message?.seq ?? 0, "answeredSeq");
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due");
      const { turn } = await s.storyOf(present(first.message, "the text").id);
      equal(turn?.outcome, "cancelled", "the turn's outcome");
      const before = await s.snapshot();
      equal((await s.commit(claimed)).outcome, "lost", "the turn's commit");
      equal(await s.release(claimed), false, "the turn's release");
      equal(await s.snapshot(), before, "the ledger after both");
      equal((await s.heartbeat()).leases, [], "the worker's leases");
      await s.storage.recordInbound(s.start());
      const next = present((await s.texted()).message, "a text after START");
      const { turn: nextTurn, messages } = await s.claimed();
      equal([nextTurn.id, nextTurn.runs, messages], [`t${next.id}`, 1, [next]], "the next turn");
    },
  },
  {
    name: "counts a text that waits for its answer as answered when STOP follows",
    async run(s) {
      await s.texted();
      await s.storage.recordInbound(s.stop());
      equal((await s.due(10)).turns, false, "a turn");
      await s.advance(60_000);
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due, later");
      equal(await s.claim(), null, "a claim");
      await s.storage.recordInbound(s.start());
      await s.texted({ body: "Back again" });
      equal(
        (await s.claimed()).messages.map(({ body }) => body),
        ["Back again"],
        "what is answered after START",
      );
    },
  },
  {
    name: "forgets the backoff of a turn that STOP called off",
    async run(s) {
      await s.texted();
      await s.release(await s.claimed(), { reason: "failed", retryInMs: 600_000 });
      await s.storage.recordInbound(s.stop());
      await s.storage.recordInbound(s.start());
      await s.texted();
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "the next text's due time");
    },
  },
  {
    name: "cancels what has not left when STOP comes, in other conversations with the same consent too",
    async run(s) {
      const here = await s.waitingMessages(2);
      const elsewhere = await s.waiting({ line: OTHER_LINE });
      const held = await s.waiting({ line: OTHER_LINE });
      const stranger = await s.waiting({ participant: "+15550199002" });
      await s.sent(elsewhere);
      await s.sending(held);
      await s.lose(held);
      await s.resolve(held, "hold");
      const waiting = await s.waiting({ line: OTHER_LINE });
      const { cancelled, message } = await s.storage.recordInbound(s.stop());
      const ids = [...here.map(({ id }) => id), held, waiting];
      equal(cancelled.map(({ id }) => id).toSorted(), ids.toSorted(), "cancelled");
      ok(
        cancelled.every(({ status, error }) => status === "cancelled" && error !== null),
        "every cancelled text says so, and why",
      );
      equal(
        await s.statuses([...ids, elsewhere, stranger]),
        [...ids.map(() => "cancelled"), "accepted", "waiting"],
        "now",
      );
      const changed = cancelled.filter(({ conversationId }) => conversationId === message?.conversationId);
      const positions = changed.map(({ changedSeq }) => changedSeq);
      equal(
        positions.toSorted((a, b) => a - b),
        [4, 5],
        "positions: a place each, behind STOP's own",
      );
      equal((await s.claimSend(waiting)).outcome, "gone", "the send admission");
      equal(await s.dueIds(), [stranger], "due");
      await s.storage.recordInbound(s.start());
      equal(await s.statuses([waiting]), ["cancelled"], "after START");
    },
  },
  {
    name: "claimSend: asks for the consent of a message that is filed at the same moment",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.storage.recordInbound(s.stop({ line: OTHER_LINE }));
      const id = `${claimed.turn.id}-1`;
      // Both calls are from one process, which may decide them together.
      const [committed, claim] = await Promise.all([s.commit(claimed), s.claimSend(id)]);
      equal(committed.outcome, "committed", "the turn's commit");
      ok(claim.outcome !== "claimed", "a message to a person who has opted out was claimed");
      await s.claimSend(id);
      equal(await s.statuses([id]), ["cancelled"], "the reply");
    },
  },
  {
    name: "leaves what was already handed over as it is when STOP comes",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const { cancelled } = await s.storage.recordInbound(s.stop());
      equal(cancelled, [], "cancelled");
      equal(await s.statuses([id]), ["sending"], "status");
      equal((await s.accept(id)).message?.status, "accepted", "status after the provider's answer");
    },
  },
  {
    name: "lets nothing slip past a STOP that races with the send admission",
    async run(s) {
      for (let round = 0; round < 12; round += 1) {
        const participant = `+15550300${round}`;
        const id = await s.waiting({ participant });
        // The STOP comes in the text's conversation, or in another conversation of the same person.
        const stop = s.stop(round < 6 ? { participant } : { participant, line: OTHER_LINE });
        const claim = s.sendClaim(id);
        const sides = [() => s.storage.recordInbound(stop), () => s.second.claimSend(claim)];
        await Promise.all((round % 2 === 0 ? sides : sides.toReversed()).map((side) => side()));
        const answer = await s.storage.claimSend(claim);
        const { status } = await s.outbound(id);
        ok(
          (answer.outcome === "claimed" && status === "sending") ||
            (answer.outcome !== "claimed" && status === "cancelled"),
          `STOP and the send admission disagree: it said ${answer.outcome}, the text is ${status}`,
        );
      }
    },
  },
  {
    name: "stores the auto-reply with the text, and returns it again",
    async run(s) {
      const record = s.text({ needsAnswer: false, autoReply: reply(s) });
      const first = await s.storage.recordInbound(record);
      const sent = present(first.autoReply, "the auto-reply");
      equal([sent.seq, sent.changedSeq, first.conversation?.seq], [2, 2, 2], "its place");
      const { origin, status, attempts, groupId, part, parts, turnId, to, from } = sent;
      equal(
        { origin, status, attempts, groupId, part, parts, turnId, to, from },
        {
          origin: "auto-reply",
          status: "sending",
          attempts: 1,
          groupId: sent.id,
          part: 1,
          parts: 1,
          turnId: null,
          to: PERSON,
          from: record.sender,
        },
        "the auto-reply",
      );
      const again = await s.storage.recordInbound(record);
      equal([again.outcome, again.autoReply], ["repeated", sent], "the repetition");
      const story = await s.storyOf(record.messageId);
      equal(story.replies, [sent], "the text's replies");
      equal(
        story.attempts.map(({ outboundId, attempt, status: at }) => [outboundId, attempt, at]),
        [[sent.id, 1, "sending"]],
        "attempts",
      );
    },
  },
  {
    name: "never sends an auto-reply by itself, nor waits for it, nor reclaims it",
    async run(s) {
      const { autoReply } = await s.texted({ needsAnswer: false, autoReply: reply(s) });
      const sent = present(autoReply, "the auto-reply");
      const id = await s.waiting();
      equal(await s.dueIds(), [id], "due");
      equal((await s.claimSend(sent.id)).outcome, "gone", "the send admission of the auto-reply");
      await s.sent(id);
      await s.advance(3_600_000);
      equal((await s.heartbeat({ workerId: "w2" })).unsettled, [], "unsettled");
      equal(await s.statuses([sent.id]), ["sending"], "the auto-reply later");
      const status = await s.callback(sent.id, "delivered", { providerMessageId: "SM-auto" });
      equal([status.outcome, status.message?.status], ["recorded", "delivered"], "its status callback");
      equal(status.message?.providerMessageIds, ["SM-auto"], "its provider's id");
    },
  },
  {
    name: "leaves the auto-reply out when its conditions do not hold",
    async run(s) {
      const counter = { key: "loop", windowMs: 60_000, max: 1, charge: 1, reason: "Enough." } as const;
      const refused: readonly (readonly [string, Partial<SendConditions>])[] = [
        ["a reason to cancel", { cancel: "Not now." }],
        ["a delay", { delayMs: 1_000 }],
        ["a counter that is too small", { counters: [{ ...counter, key: "small", max: 0, full: "wait" }] }],
      ];
      for (const [what, conditions] of refused) {
        const { outcome, autoReply } = await s.texted({ autoReply: reply(s, conditions) });
        equal([outcome, autoReply], ["recorded", null], what);
      }
      const full = { counters: [{ ...counter, full: "cancel" }] } as const;
      ok((await s.texted({ autoReply: reply(s, full) })).autoReply !== null, "the counter's first charge");
      equal((await s.texted({ autoReply: reply(s, full) })).autoReply, null, "a full counter");
      await s.advance(60_000);
      ok((await s.texted({ autoReply: reply(s, full) })).autoReply !== null, "the counter's next window");
      equal((await s.storage.recordInbound(s.stop({ autoReply: reply(s) }))).autoReply, null, "consent, after STOP");
      const goodbye = s.stop({ autoReply: reply(s, { consent: false }) });
      ok((await s.storage.recordInbound(goodbye)).autoReply !== null, "a goodbye that needs no consent");
    },
  },
  {
    name: "keeps the auto-reply from a paused conversation where that is demanded",
    async run(s) {
      const { conversation } = await s.texted();
      await s.pause(present(conversation, "the conversation").id, { paused: true });
      equal(
        (await s.texted({ autoReply: reply(s, { unpaused: true }) })).autoReply,
        null,
        "where it must not be paused",
      );
      ok((await s.texted({ autoReply: reply(s) })).autoReply !== null, "where it may be");
    },
  },
];

function reply(s: Scene, conditions: Partial<SendConditions> = {}): AutoReplyRecord {
  return { ...s.part(s.id("a"), "We got your text."), conditions: { ...FREE, ...conditions } };
}
