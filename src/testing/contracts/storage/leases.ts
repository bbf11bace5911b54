import { equal, ok, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, FREE, LEASE_MS, ORDER_WAIT_MS, SCOPE, UNKNOWN_WINDOW_MS } from "./terms.ts";

/** Heartbeats, the reclaiming of an expired worker's work, and conversations that a person takes over. */
export const leaseCases: readonly StorageCase[] = [
  {
    name: "shows a worker what it holds, and where a newer text waits",
    async run(s) {
      await s.texted();
      const { conversation, fence, turn } = await s.claimed();
      const lease = { conversationId: conversation.id, turnId: turn.id, fence };
      const answer = await s.heartbeat();
      equal(answer, { leases: [{ ...lease, unansweredSeq: 1 }], unsettled: [], recovered: 0 }, "before the newer text");
      await s.texted();
      await s.texted({ needsAnswer: false });
      equal((await s.heartbeat()).leases, [{ ...lease, unansweredSeq: 2 }], "after the newer text");
      equal((await s.heartbeat({ workerId: "w2" })).leases, [], "what another worker holds");
    },
  },
  {
    name: "reclaims an expired worker's conversations",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.advance(LEASE_MS - 1_000);
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 0, "recovered while the worker lives");
      await s.advance(2_000);
      equal(await s.claim("w2"), null, "a claim before the worker's work is reclaimed");
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 1, "recovered");
      equal((await s.due(10)).turns, true, "due at once");
      const again = present(await s.claim("w2"), "the next run");
      equal(
        [again.turn.id, again.turn.runs, again.crashes, again.turn.failures],
        [claimed.turn.id, 2, 1, 0],
        "the turn",
      );
      ok(again.fence > claimed.fence, "the fence rises");
      equal((await s.commit(claimed)).outcome, "lost", "the expired worker's commit");
      equal(await s.release(claimed), false, "the expired worker's release");
      equal((await s.heartbeat()).leases, [], "what the expired worker holds when it wakes");
      equal((await s.commit(again, { workerId: "w2" })).outcome, "committed", "the new worker's commit");
    },
  },
  {
    name: "refuses an expired worker before another one has claimed its conversation",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.advance(LEASE_MS + 1);
      await s.heartbeat({ workerId: "w2" });
      equal((await s.commit(claimed)).outcome, "lost", "the commit");
    },
  },
  {
    name: "lets a frozen worker commit while no other worker has reclaimed its work",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.advance(10 * LEASE_MS);
      equal((await s.commit(claimed)).outcome, "committed", "the commit");
    },
  },
  {
    name: "keeps a frozen worker alive when it is the first to heartbeat",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.advance(10 * LEASE_MS);
      const { leases, recovered } = await s.heartbeat();
      equal([leases.length, recovered], [1, 0], "its own heartbeat");
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 0, "the next worker's heartbeat");
      equal((await s.commit(claimed)).outcome, "committed", "the commit");
    },
  },
  {
    name: "keeps a worker alive for as long as it heartbeats",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      for (let heartbeats = 0; heartbeats < 5; heartbeats += 1) {
        await s.advance(LEASE_MS - 1_000);
        equal((await s.heartbeat({ workerId: "w2" })).recovered, 0, "recovered");
        await s.heartbeat();
      }
      equal((await s.commit(claimed)).outcome, "committed", "the commit");
    },
  },
  {
    name: "marks an expired worker's texts as unknown",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const next = await s.waiting({ participant: "+15550199002" });
      await s.advance(LEASE_MS + 1);
      const { unsettled, recovered } = await s.heartbeat({ workerId: "w2" });
      equal(
        unsettled.map((message) => [message.id, message.status]),
        [[id, "unknown"]],
        "unsettled",
      );
      equal(recovered, 0, "recovered");
      equal(await s.dueIds(), [next], "due");
      s.near((await s.due(10)).nextInMs, UNKNOWN_WINDOW_MS, "settled after the window");
      await s.advance(UNKNOWN_WINDOW_MS);
      const { messages } = await s.due(10);
      ok(
        messages.some(({ message }) => message.id === id && message.status === "unknown"),
        "it is due to be settled",
      );
      equal((await s.heartbeat({ workerId: "w2" })).unsettled, [], "unsettled, the second time");
      equal((await s.accept(id)).message?.status, "accepted", "the expired worker's answer is a delivery");
    },
  },
  {
    name: "leaves an expired worker's texts alone that the provider has reported",
    async run(s) {
      const [answered, reported] = [await s.waiting(), await s.waiting({ participant: "+15550199002" })];
      await s.sent(answered);
      await s.sending(reported);
      await s.callback(reported, "delivered");
      const before = await s.snapshot();
      await s.advance(LEASE_MS + 1);
      equal((await s.heartbeat({ workerId: "w2" })).unsettled, [], "unsettled");
      equal(await s.snapshot(), before, "the ledger");
    },
  },
  {
    name: "leaves a text alone whose earlier attempt has left when the worker of the next one dies",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      await s.sending(id);
      await s.callback(id, "sent", { attempt: 1 });
      await s.advance(LEASE_MS + 1);
      equal((await s.heartbeat({ workerId: "w2" })).unsettled, [], "unsettled");
      equal(await s.statuses([id]), ["sent"], "status");
      equal(
        (await s.storyOf(id)).attempts.map(({ status }) => status),
        ["sent", "unknown"],
        "attempts",
      );
    },
  },
  {
    name: "makes later texts wait for an expired worker's, counted from the reclaim",
    async run(s) {
      const id = await s.waiting();
      const next = await s.waiting();
      await s.sending(id, { workerId: "expired" });
      await s.advance(LEASE_MS + 1);
      await s.heartbeat({ workerId: "w2" });
      equal(await s.dueIds(), [next], "due");
      const answer = await s.claimSend(next, { workerId: "w2" });
      s.near(answer.outcome === "waiting" ? answer.retryInMs : null, ORDER_WAIT_MS, "how long it waits");
    },
  },
  {
    name: "takes a worker that only sends for alive, too",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id, { workerId: "w9" });
      await s.advance(LEASE_MS - 1_000);
      equal((await s.heartbeat({ workerId: "w2" })).unsettled, [], "unsettled before its time is over");
      equal(await s.statuses([id]), ["sending"], "status");
    },
  },
  {
    name: "reclaims an expired worker's work once when two others race for it",
    async run(s) {
      for (let person = 0; person < 4; person += 1) await s.texted({ participant: `+1555020${person}` });
      await s.advance(DEBOUNCE_MS);
      for (let claims = 0; claims < 4; claims += 1) await s.claim("expired");
      const id = await s.waiting();
      await s.sending(id, { workerId: "expired" });
      await s.advance(LEASE_MS + 1);
      const heartbeat = (workerId: string) => {
        return { scope: SCOPE, callId: s.id("call"), workerId, leaseMs: LEASE_MS, lookInMs: UNKNOWN_WINDOW_MS };
      };
      const answers = await Promise.all([s.storage.heartbeat(heartbeat("w1")), s.second.heartbeat(heartbeat("w2"))]);
      equal(
        answers.reduce((sum, { recovered }) => sum + recovered, 0),
        4,
        "recovered",
      );
      equal(
        answers.flatMap(({ unsettled }) => unsettled).map((message) => message.id),
        [id],
        "unsettled",
      );
    },
  },
  {
    name: "pauses: takes the lease away and lets nothing become due",
    async run(s) {
      const message = present((await s.texted()).message, "the text");
      const claimed = await s.claimed();
      const paused = await s.pause(claimed.conversation.id, { paused: true });
      equal([paused?.paused, paused?.answeredSeq], [true, 0], "the conversation");
      equal((await s.commit(claimed)).outcome, "lost", "the running turn's commit");
      equal((await s.storyOf(message.id)).turn?.outcome, null, "the turn stays open");
      await s.texted();
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due");
      await s.advance(60_000);
      equal(await s.claim(), null, "a claim");
      equal((await s.pause(claimed.conversation.id, { paused: true }))?.paused, true, "pausing it again");
    },
  },
  {
    name: "resumes with what was unanswered, at once",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.release(claimed, { reason: "failed", retryInMs: 600_000 });
      await s.pause(claimed.conversation.id, { paused: true });
      await s.texted();
      const resumed = await s.pause(claimed.conversation.id, { paused: false });
      equal([resumed?.paused, (await s.due(10)).turns], [false, true], "the conversation");
      await s.texted();
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "a text after that rests for the debounce, no longer");
      const again = await s.claimed();
      equal([again.turn.id, again.turn.runs, again.messages.length], [claimed.turn.id, 2, 3], "the turn");
      ok(again.fence > claimed.fence, "the fence rises");
    },
  },
  {
    name: "resumes without what was unanswered where it is skipped",
    async run(s) {
      const message = present((await s.texted()).message, "the text");
      const { conversation } = await s.claimed();
      await s.pause(conversation.id, { paused: true });
      await s.texted({ needsAnswer: false });
      const resumed = await s.pause(conversation.id, { paused: false, skipUnanswered: true });
      equal([resumed?.paused, resumed?.answeredSeq], [false, 2], "the conversation");
      equal((await s.storyOf(message.id)).turn?.outcome, "cancelled", "the turn");
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due");
      await s.advance(60_000);
      const next = present((await s.texted()).message, "the next text");
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "the next text's due time");
      const { turn, messages } = await s.claimed();
      equal([turn.id, turn.runs, messages], [`t${next.id}`, 1, [next]], "the next turn");
    },
  },
  {
    name: "pauses with a hand-off, and keeps a newer text for later",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      const newer = present((await s.texted()).message, "the newer text");
      const { outcome, conversation } = await s.commit(claimed, { outcome: "handed-off", pause: true, parts: [] });
      equal([outcome, conversation?.paused, conversation?.answeredSeq], ["committed", true, 1], "the commit");
      await s.advance(60_000);
      equal(await s.claim(), null, "a claim while paused");
      await s.pause(claimed.conversation.id, { paused: false });
      equal((await s.claim())?.messages, [newer], "what is answered after resuming");
    },
  },
  {
    name: "sends what a turn says while it hands over, and nothing that an earlier turn said",
    async run(s) {
      const conditions = { ...FREE, unpaused: true };
      await s.texted();
      const first = (await s.commit(await s.claimed())).messages[0];
      await s.texted();
      const claimed = await s.claimed();
      const words = (await s.commit(claimed, { outcome: "handed-off", pause: true })).messages[0];
      equal(
        (await s.claimSend(present(first, "the first reply").id, { conditions })).outcome,
        "cancelled",
        "the first",
      );
      equal((await s.claimSend(present(words, "the hand-off").id, { conditions })).outcome, "claimed", "the hand-off");
    },
  },
  {
    name: "leaves a conversation that is not paused as it is when it is resumed",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.pause(claimed.conversation.id, { paused: false, skipUnanswered: true });
      equal((await s.commit(claimed)).outcome, "committed", "the running turn");
      equal(await s.pause("c-absent", { paused: true }), null, "a conversation that is not there");
    },
  },
];
