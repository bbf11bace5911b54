import { equal, ok, present } from "./assert.ts";
import { race } from "./race.ts";
import type { StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, LEASE_MS, MAX_WAIT_MS, PERSON } from "./terms.ts";

/** Committing and releasing turns. */
export const commitCases: readonly StorageCase[] = [
  {
    name: "commits the reply, the watermark and the end of the lease as one",
    async run(s) {
      const inbound = present((await s.texted({ sender: "+15550100009" })).message, "the text");
      const claimed = await s.claimed();
      const parts = s.parts(2, claimed.turn.id);
      const { outcome, messages, conversation } = await s.commit(claimed, { parts });
      equal(outcome, "committed", "outcome");
      const replied = messages.map(({ id, seq, body, status, from, to, origin, groupId, part, turnId }) => {
        return { id, seq, body, status, from, to, origin, groupId, part, turnId };
      });
      const common = { status: "waiting", from: "+15550100009", to: PERSON, origin: "ai", groupId: claimed.turn.id };
      equal(
        replied,
        parts.map(({ id, body }, at) => ({ id, seq: at + 2, body, ...common, part: at + 1, turnId: claimed.turn.id })),
        "the reply",
      );
      equal([conversation?.answeredSeq, conversation?.seq], [1, 3], "the watermark and the position");
      equal(
        messages.map(({ parts: count, attempts, providerMessageIds, error }) => [
          count,
          attempts,
          providerMessageIds,
          error,
        ]),
        [
          [2, 0, [], null],
          [2, 0, [], null],
        ],
        "a fresh waiting",
      );
      equal((await s.heartbeat()).leases, [], "leases");
      const work = await s.due(10);
      equal([work.turns, work.messages.map(({ message }) => message.id)], [false, [`${claimed.turn.id}-1`]], "due");
      const { turn } = await s.storyOf(inbound.id);
      equal([turn?.outcome, turn?.committedAt], ["replied", messages[0]?.createdAt], "the turn");
    },
  },
  {
    name: "commits silence, a fallback and a hand-off as what they are",
    async run(s) {
      for (const outcome of ["silent", "fallback", "handed-off"] as const) {
        const { message } = await s.texted({ participant: `+1555020${outcome.length}` });
        const claimed = await s.claimed();
        const handsOff = outcome === "handed-off";
        const parts = outcome === "fallback" ? s.parts(1, claimed.turn.id) : [];
        const committed = await s.commit(claimed, { outcome, parts, pause: handsOff });
        equal([committed.outcome, committed.messages.length], ["committed", parts.length], outcome);
        equal(committed.conversation?.paused, handsOff, `paused after ${outcome}`);
        equal((await s.storyOf(present(message, "the text").id)).turn?.outcome, outcome, "the turn's outcome");
      }
    },
  },
  {
    name: "refuses a commit without the lease under that fence",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      const before = await s.snapshot();
      const strangers = [
        { fence: claimed.fence - 1 },
        { fence: claimed.fence + 1 },
        { workerId: "w2" },
        { conversationId: "c-absent" },
      ];
      for (const stranger of strangers) {
        const { outcome, messages } = await s.commit(claimed, stranger);
        equal({ outcome, messages }, { outcome: "lost", messages: [] }, `commit with ${JSON.stringify(stranger)}`);
        equal(await s.release(claimed, stranger), false, `release with ${JSON.stringify(stranger)}`);
      }
      equal(await s.snapshot(), before, "the ledger");
      equal((await s.commit(claimed)).outcome, "committed", "the worker's own commit");
      equal((await s.commit(claimed, { parts: [] })).outcome, "lost", "a second commit of the same run");
    },
  },
  {
    name: "raises the fence with every claim",
    async run(s) {
      await s.texted();
      const first = await s.claimed();
      await s.release(first, { reason: "stopped", retryInMs: 0 });
      const second = present(await s.claim("w2"), "the second claim");
      ok(second.fence > first.fence, `the fence did not rise: ${first.fence}, ${second.fence}`);
      equal((await s.commit(first)).outcome, "lost", "a commit under the old fence");
      equal((await s.commit(second, { workerId: "w2" })).outcome, "committed", "a commit under the new one");
    },
  },
  {
    name: "gives way to a newer text where the commit asks for it",
    async run(s) {
      const first = present((await s.texted()).message, "the first text");
      const claimed = await s.claimed();
      const newer = present((await s.texted()).message, "the newer text");
      const { outcome, messages } = await s.commit(claimed, { supersede: true });
      equal({ outcome, messages }, { outcome: "superseded", messages: [] }, "the commit");
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "due when the newer text said");
      const again = await s.claimed();
      equal(again.messages, [first, newer], "the texts to answer");
      const { id, runs, superseded, failures, throughSeq } = again.turn;
      equal(
        { id, runs, superseded, failures, throughSeq },
        { id: claimed.turn.id, runs: 2, superseded: 1, failures: 0, throughSeq: 2 },
        "the turn",
      );
      equal((await s.commit(again, { supersede: true })).outcome, "committed", "the second commit");
    },
  },
  {
    name: "does not give way to a newer text that needs no answer",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.texted({ needsAnswer: false });
      equal((await s.commit(claimed, { supersede: true })).outcome, "committed", "the commit");
      equal((await s.due(10)).turns, false, "a turn");
    },
  },
  {
    name: "answers a newer text in a turn of its own where it does not give way",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.advance(1_000);
      const newer = present((await s.texted()).message, "the newer text");
      s.near((await s.due(10)).nextInMs, LEASE_MS - 1_000, "what becomes due while the turn runs: its lease");
      await s.advance(DEBOUNCE_MS - 1_000);
      const { conversation } = await s.commit(claimed);
      equal(conversation?.answeredSeq, 1, "answeredSeq");
      s.near((await s.due(10)).nextInMs, 1_000, "the newer text's due time");
      await s.advance(1_000);
      const next = present(await s.claim(), "the next turn");
      equal([next.turn.id, next.messages], [`t${newer.id}`, [newer]], "the next turn");
      s.near(next.waitedMs, 1_000, "waitedMs, since the commit");
    },
  },
  {
    name: "lets no other worker have a conversation while a turn runs, however much is due",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.texted();
      await s.advance(MAX_WAIT_MS);
      await s.heartbeat();
      equal(await s.claim("w2"), null, "another worker's claim");
      equal(await s.claim("w1"), null, "the worker's own second claim");
      const { turns, nextInMs } = await s.due(10);
      equal(turns, false, "a turn");
      s.near(nextInMs, LEASE_MS, "nextInMs: the end of the lease");
      await s.commit(claimed);
      equal((await s.due(10)).turns, true, "due after the commit");
    },
  },
  {
    name: "settles a race between a commit and a newer text one way or the other",
    async run(s) {
      await race(6, async (round, stagger) => {
        const participant = `+1555020${round}`;
        await s.texted({ participant });
        const claimed = await s.claimed();
        const newer = s.text({ participant });
        const [committed] = await Promise.all([
          stagger(0).then(() => s.commit(claimed, { supersede: true })),
          stagger(1).then(() => s.second.recordInbound(newer)),
        ]);
        const next = await s.claimed();
        const isAnswered = committed.outcome === "committed";
        equal(next.messages.length, isAnswered ? 1 : 2, `texts in the next turn after ${committed.outcome}`);
        equal((await s.commit(next)).outcome, "committed", "the next turn");
      });
    },
  },
  {
    name: "backs off after a failure, which a newer text cannot shorten",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      equal(await s.release(claimed, { reason: "failed", retryInMs: 20_000 }), true, "release");
      s.near((await s.due(10)).nextInMs, 20_000, "due after the failure");
      await s.texted();
      s.near((await s.due(10)).nextInMs, 20_000, "due after a newer text");
      await s.advance(19_000);
      equal(await s.claim(), null, "a claim during the backoff");
      await s.advance(1_000);
      const again = present(await s.claim(), "the next run");
      equal([again.turn.id, again.turn.runs, again.turn.failures], [claimed.turn.id, 2, 1], "the turn");
      await s.commit(again);
      await s.advance(MAX_WAIT_MS);
      await s.texted();
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "a text after the answer knows neither backoff nor wait");
    },
  },
  {
    name: "counts a stopped run as nothing, and a superseded one as superseded",
    async run(s) {
      await s.texted();
      const first = await s.claimed();
      await s.release(first, { reason: "stopped", retryInMs: 0 });
      const second = present(await s.claim(), "the second run");
      const { runs, failures, superseded } = second.turn;
      equal({ runs, failures, superseded }, { runs: 2, failures: 0, superseded: 0 }, "after stopped");
      await s.release(second, { reason: "superseded", retryInMs: 2_000 });
      s.near((await s.due(10)).nextInMs, 2_000, "due where no newer text came");
      await s.advance(2_000);
      const third = present(await s.claim(), "the third run");
      await s.texted();
      await s.release(third, { reason: "superseded", retryInMs: 60_000 });
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "due when the newer text said");
      const fourth = await s.claimed();
      equal([fourth.turn.superseded, fourth.turn.failures], [2, 0], "after superseded");
      equal(fourth.messages.length, 2, "texts");
      await s.texted();
      await s.release(fourth, { reason: "superseded", retryInMs: 500 });
      s.near((await s.due(10)).nextInMs, 500, "due sooner than the newer text said");
    },
  },
];
