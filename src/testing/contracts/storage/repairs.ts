import type { OutboundMessage } from "../../../model/message.ts";
import type { ClaimedTurn, RequeuedTurn } from "../../../storage/storage.ts";
import { equal, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, LEASE_MS, SCOPE, UNKNOWN_WINDOW_MS } from "./terms.ts";

/** Repairs by an operator: of a turn that was given up, and of a ledger that was restored from a backup. */
export const repairCases: readonly StorageCase[] = [
  {
    name: "answers anew, in a turn of its own, what was given up",
    async run(s) {
      const messages = [await s.texted(), await s.texted()].map(({ message }) => present(message, "a text"));
      const ended = await fallenBack(s);
      const { outcome, conversation } = await requeue(s, ended.turn.id);
      equal([outcome, conversation?.answeredSeq], ["requeued", 0], "the answer");
      const work = await s.due(10);
      equal(work.turns, true, "a turn that is due");
      const again = present(await s.claim(), "the turn");
      equal(again.messages, messages, "the texts to answer");
      const { id, runs, failures, outcome: ending } = again.turn;
      equal([id, runs, failures, ending], [`${ended.turn.id}.1`, 1, 0, null], "the turn");
      equal(again.crashes, 0, "crashes");
      s.near(again.waitedMs, 0, "waitedMs, since it was requeued");
      await s.commit(again, { parts: s.parts(1, again.turn.id) });
      const story = await s.storyOf(present(messages[0], "the first text").id);
      equal([story.turn?.id, story.turn?.outcome], [id, "replied"], "the turn that answered the text");
      equal(story.answers, messages, "what it answered");
      const [fallback] = await replies(s, ended.turn.id);
      equal((await s.storyOf(present(fallback, "the fallback"))).turn?.outcome, "fallback", "the turn of the fallback");
      equal(await s.claim(), null, "nothing more to answer");
    },
  },
  {
    name: "keeps the id of a repeated turn through all its runs, and counts on from turn to turn",
    async run(s) {
      await s.texted();
      const first = await fallenBack(s);
      for (let times = 1; times <= 11; times += 1) {
        const id = times === 1 ? first.turn.id : `${first.turn.id}.${times - 1}`;
        equal((await requeue(s, id)).outcome, "requeued", `requeueing ${id}`);
        const run = present(await s.claim(), "a run");
        await s.release(run, { reason: "stopped", retryInMs: 0 });
        const next = present(await s.claim(), "the next run");
        equal([next.turn.id, next.turn.runs], [`${first.turn.id}.${times}`, 2], "the turn");
        await s.commit(next, { outcome: "fallback", parts: [] });
      }
      const { turn } = await s.storyOf(first.messages[0]?.id ?? "");
      equal(turn?.id, `${first.turn.id}.11`, "the last turn of the text");
    },
  },
  {
    name: "requeues together with what has come since and waits for an answer",
    async run(s) {
      await s.texted();
      const ended = await fallenBack(s);
      await s.advance(10_000);
      const newer = present((await s.texted()).message, "the newer text");
      await s.advance(1_000);
      equal((await requeue(s, ended.turn.id)).outcome, "requeued", "outcome");
      const again = present(await s.claim(), "the turn, at once");
      equal([again.turn.id, again.messages.length], [`${ended.turn.id}.1`, 2], "the turn");
      equal([again.messages.at(-1), again.turn.throughSeq], [newer, newer.seq], "the newer text");
      s.near(again.waitedMs, 1_000, "waitedMs, since the newer text");
    },
  },
  {
    name: "requeues only the last turn of a conversation",
    async run(s) {
      await s.texted();
      const ended = await fallenBack(s);
      await s.texted();
      const later = await s.claimed();
      equal((await requeue(s, ended.turn.id)).outcome, "newer", "while a later one runs");
      await s.commit(later, { outcome: "fallback", parts: [] });
      await refuses(s, ended, "newer");
      equal((await requeue(s, later.turn.id)).outcome, "requeued", "the last one");
      await refuses(s, ended, "newer");
      equal((await requeue(s, later.turn.id)).outcome, "requeued", "the last one again, before anybody began it");
      await s.claimed();
      await refuses(s, later, "newer");
    },
  },
  {
    name: "requeues only a turn that was given up, of a person who has not opted out",
    async run(s) {
      await s.texted();
      const replied = await s.claimed();
      await refuses(s, replied, "not-failed");
      await s.commit(replied, { parts: [] });
      await refuses(s, replied, "not-failed");
      await s.texted();
      const ended = await fallenBack(s);
      await s.storage.recordInbound(s.stop());
      await refuses(s, ended, "opted-out");
      await s.storage.recordInbound(s.start());
      equal((await requeue(s, ended.turn.id)).outcome, "requeued", "after START");
      equal(await requeue(s, "t-absent"), { outcome: "unmatched", conversation: null }, "a turn that is not there");
    },
  },
  {
    name: "does not requeue a turn whose texts are gone",
    async run(s) {
      await s.texted();
      const ended = await fallenBack(s);
      await s.advance(60_000);
      await s.storage.purge({ callId: s.id("call"), olderThanMs: 30_000, limit: 10 });
      equal(await requeue(s, ended.turn.id), { outcome: "unmatched", conversation: null }, "after a purge");
      await s.texted({ participant: "+15550199002" });
      const erased = await fallenBack(s);
      await s.storage.erase({ callId: s.id("call"), participant: "+15550199002", line: null });
      equal(await requeue(s, erased.turn.id), { outcome: "unmatched", conversation: null }, "after an erasure");
    },
  },
  {
    name: "requeues in a paused conversation for when it is resumed",
    async run(s) {
      await s.texted();
      const ended = await fallenBack(s);
      await s.pause(ended.conversation.id, { paused: true });
      equal((await requeue(s, ended.turn.id)).outcome, "requeued", "outcome");
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due while it is paused");
      await s.pause(ended.conversation.id, { paused: false });
      equal((await s.claim())?.turn.id, `${ended.turn.id}.1`, "the turn, once it is resumed");
    },
  },
  {
    name: "marks as unknown what stands as not sent, each with an attempt that no worker makes",
    async run(s) {
      const waiting = await s.waiting();
      const backedOff = await s.waiting({ participant: "+15550199002" });
      await s.sending(backedOff);
      await s.refuse(backedOff, "retry", { retryInMs: 600_000 });
      const onItsWay = await s.waiting({ participant: "+15550199003" });
      await s.advance(5_000);
      await s.sending(onItsWay);
      const marked = await markUnknown(s);
      equal(idsOf(marked), [waiting, backedOff, onItsWay], "what is marked, oldest first");
      equal(
        marked.map(({ status, attempts, error }) => [status, attempts, error]),
        [
          ["unknown", 1, null],
          ["unknown", 2, null],
          ["unknown", 1, null],
        ],
        "as what",
      );
      for (const message of marked) {
        equal(await s.outbound(message.id), message, "the text");
        const newest = (await s.storyOf(message.id)).attempts.at(-1);
        equal(
          [newest?.status, newest?.attempt, newest?.startedAt, newest?.error],
          ["unknown", message.attempts, message.createdAt, null],
          "its newest attempt",
        );
      }
      equal(await s.dueIds(), [], "due");
      s.near((await s.due(10)).nextInMs, UNKNOWN_WINDOW_MS, "nextInMs: no worker holds anything");
      await s.advance(UNKNOWN_WINDOW_MS);
      const unknown = (await s.due(10)).messages.map((due) => due.unknown?.attempts.at(-1)?.startedAt);
      equal(
        unknown,
        marked.map(({ createdAt }) => createdAt),
        "what is looked for",
      );
      equal(await markUnknown(s), [], "a second time");
    },
  },
  {
    name: "marks as many as the limit at once, and nothing that is settled, unknown, or an auto-reply",
    async run(s) {
      const ids = [];
      for (let person = 1; person <= 5; person += 1) ids.push(await s.waiting({ participant: `+1555020${person}` }));
      const [sent, held, unknown, first, second] = ids;
      await s.sent(present(sent, "1"));
      for (const id of [held, unknown]) {
        await s.sending(present(id, "2"));
        await s.lose(present(id, "2"));
      }
      await s.resolve(present(held, "2"), "hold");
      const reply = { ...s.part(s.id("a"), "Hold on."), conditions: NO_CONDITIONS };
      const { autoReply } = await s.texted({ autoReply: reply, needsAnswer: false });
      const before = await s.statuses([present(sent, "1"), present(held, "2"), present(unknown, "3")]);
      equal(idsOf(await markUnknown(s, 1)), [first], "the first");
      equal(idsOf(await markUnknown(s, 1)), [second], "the second");
      equal(await markUnknown(s, 1), [], "none left");
      equal(await s.statuses([present(sent, "1"), present(held, "2"), present(unknown, "3")]), before, "the others");
      equal(await s.outbound(reply.id), present(autoReply, "the auto-reply"), "the auto-reply");
    },
  },
  {
    name: "believes the provider about an attempt that is marked as unknown, exactly",
    async run(s) {
      const [called, listed, refused] = [
        await s.waiting(),
        await s.waiting({ participant: "+15550199002" }),
        await s.waiting({ participant: "+15550199003" }),
      ];
      await markUnknown(s);
      const callback = await s.callback(called, "delivered", { attempt: 1, providerMessageId: "SM-restored" });
      equal([callback.outcome, callback.message?.status], ["recorded", "delivered"], "a callback");
      const found = { kind: "found", providerMessageId: "SM-listed", status: "sent" } as const;
      equal((await s.sendResult(listed, 1, found)).message?.status, "sent", "an entry of the provider's list");
      equal((await s.refuse(refused, "retry")).message?.status, "waiting", "a late refusal");
      equal(await s.sending(refused), 2, "the next attempt");
    },
  },
  {
    name: "keeps the order of a conversation whose texts are marked as unknown, and sends them again by decision",
    async run(s) {
      const parts = idsOf(await s.waitingMessages(3));
      const next = await s.waiting();
      equal(idsOf(await markUnknown(s)), [...parts, next], "what is marked");
      const seqs = await Promise.all([...parts, next].map(async (id) => (await s.outbound(id)).changedSeq));
      equal(seqs, [5, 6, 7, 8], "a position for each change");
      for (const id of [...parts, next].toReversed()) await s.resolve(id, "resend");
      for (const id of [...parts, next]) {
        equal(await s.dueIds(), [id], "due");
        equal(await s.sending(id), 2, "attempt");
        await s.accept(id, 2);
      }
    },
  },
  {
    name: "takes a text that is marked as unknown from the worker that hands it over",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await markUnknown(s);
      await s.advance(LEASE_MS + 1);
      equal((await s.heartbeat({ workerId: "w2" })).unsettled, [], "what the burial finds");
      equal((await s.accept(id)).message?.status, "accepted", "the worker's own answer, late");
    },
  },
];

const NO_CONDITIONS = {
  consent: false,
  unpaused: false,
  delayMs: 0,
  cancel: null,
  counters: [],
  rateLimit: null,
} as const;

/** A turn that ended as `fallback`, because all its runs failed. */
async function fallenBack(s: Scene): Promise<ClaimedTurn> {
  const claimed = await s.claimed();
  const { messages } = await s.commit(claimed, { outcome: "fallback" });
  for (const { id } of messages) {
    await s.sent(id);
    await s.callback(id, "delivered");
  }
  await s.advance(DEBOUNCE_MS);
  return claimed;
}

function requeue(s: Scene, turnId: string): Promise<RequeuedTurn> {
  return s.storage.requeueTurn({ callId: s.id("call"), turnId });
}

async function refuses(s: Scene, { turn }: ClaimedTurn, outcome: RequeuedTurn["outcome"]): Promise<void> {
  const before = await s.snapshot();
  const refused = await requeue(s, turn.id);
  equal(refused.outcome, outcome, "outcome");
  equal(refused.conversation?.id, turn.conversationId, "the conversation");
  equal(await s.snapshot(), before, "the ledger");
}

/** The ids of the parts that a turn wrote. */
async function replies(s: Scene, turnId: string): Promise<string[]> {
  return idsOf((await s.storyOf(`${turnId}-1`)).replies);
}

function markUnknown(s: Scene, limit = 10): Promise<readonly OutboundMessage[]> {
  return s.storage.markUnknown({ scope: SCOPE, callId: s.id("call"), limit, lookInMs: UNKNOWN_WINDOW_MS });
}

function idsOf(messages: readonly OutboundMessage[]): string[] {
  return messages.map(({ id }) => id);
}
