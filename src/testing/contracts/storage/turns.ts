import type { ClaimedTurn } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import { race } from "./race.ts";
import { claimOne, type StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, EXPIRY_MS, LINE, SCOPE } from "./terms.ts";

/** The case about a claim of several turns. */
const SEVERAL_TURNS = "claims as many conversations in one call as are wanted";

/** The case about the history that comes with a turn. */
const HISTORY = "returns the newest messages with a turn, no more than were asked for";

/** Claiming turns. */
export const turnCases: readonly StorageCase[] = [
  {
    name: "claims nothing where nothing is due",
    async run(s) {
      equal(await s.claim(), null, "an empty ledger");
    },
  },
  {
    name: "fixes the texts that a run answers",
    async run(s) {
      const first = present((await s.texted({ body: "One" })).message, "the first text");
      const second = present((await s.texted({ body: "Two" })).message, "the second text");
      const claimed = await s.claimed();
      equal(claimed.messages, [first, second], "the texts to answer");
      const { createdAt, ...turn } = claimed.turn;
      ok(createdAt >= first.createdAt + DEBOUNCE_MS, "createdAt is the time of the claim");
      equal(
        turn,
        {
          id: `t${first.id}`,
          conversationId: first.conversationId,
          runs: 1,
          failures: 0,
          superseded: 0,
          error: null,
          throughSeq: 2,
          outcome: null,
          committedAt: null,
        },
        "the turn",
      );
      equal(claimed.crashes, 0, "crashes");
      s.near(claimed.waitedMs, DEBOUNCE_MS, "waitedMs");
      equal(
        claimed.conversation,
        present(await s.storage.conversation(first.conversationId), "it"),
        "the conversation",
      );
    },
  },
  {
    name: "gives a conversation to one of two workers who race for it",
    async run(s) {
      await race(6, async (round, stagger) => {
        const participant = `+1555020${round}`;
        await s.texted({ participant });
        await s.advance(DEBOUNCE_MS);
        const claims = await Promise.all(
          [s.storage, s.second].map(async (handle, side) => {
            const claim = { callId: s.id("call"), scope: SCOPE, workerId: `w${side}`, leaseMs: 600_000 };
            await stagger(side === 0 ? 0 : 1);
            return claimOne(handle, claim);
          }),
        );
        const won = claims.filter((claim) => claim !== null);
        equal(
          won.map(({ conversation }) => conversation.participant),
          [participant],
          "claims",
        );
      });
    },
  },
  {
    name: "gives two racing workers a conversation each",
    async run(s) {
      await race(4, async (round, stagger) => {
        await s.texted({ participant: `+1555020${round}` });
        await s.texted({ participant: `+1555021${round}` });
        await s.advance(DEBOUNCE_MS);
        const claimOn = async (side: 0 | 1) => {
          const handle = side === 0 ? s.storage : s.second;
          const claim = { callId: s.id("call"), scope: SCOPE, workerId: `w${side}`, leaseMs: 600_000 };
          await stagger(side);
          return (await claimOne(handle, claim)) ?? (await claimOne(handle, { ...claim, callId: s.id("call") }));
        };
        const [one, other] = await Promise.all([claimOn(0), claimOn(1)]);
        ok(one !== null && other !== null, "one of the workers got nothing although two conversations were due");
        ok(one.conversation.id !== other.conversation.id, "both workers got the same conversation");
      });
    },
  },
  {
    name: "claims the conversation that has been due longest",
    async run(s) {
      for (const participant of ["+15550200001", "+15550200002", "+15550200003"]) {
        await s.texted({ participant });
        await s.advance(1_000);
      }
      await s.advance(DEBOUNCE_MS);
      const order = [];
      for (let claims = 0; claims < 3; claims += 1) order.push((await s.claim())?.conversation.participant);
      equal(order, ["+15550200001", "+15550200002", "+15550200003"], "order");
    },
  },
  {
    name: SEVERAL_TURNS,
    async run(s) {
      for (const participant of ["+15550200001", "+15550200002", "+15550200003"]) {
        await s.texted({ participant });
        await s.advance(1_000);
      }
      await s.advance(DEBOUNCE_MS);
      const participantsOf = (turns: readonly ClaimedTurn[]) => turns.map((turn) => turn.conversation.participant);
      const two = { scope: SCOPE, callId: s.id("call"), workerId: "w1", leaseMs: 600_000, limit: 2 };
      const claimed = await s.storage.claimTurns(two);
      equal(participantsOf(claimed), ["+15550200001", "+15550200002"], "the first two");
      equal(await s.storage.claimTurns(two), claimed, "the same call again");
      const others = await s.second.claimTurns({ ...two, callId: s.id("call"), workerId: "w2" });
      equal(participantsOf(others), ["+15550200003"], "what was left");
      equal(await s.storage.claimTurns({ ...two, callId: s.id("call") }), [], "when none is left");
      for (const turn of claimed) equal((await s.commit(turn)).outcome, "committed", "the commit of each");
    },
  },
  {
    name: HISTORY,
    async run(s) {
      const [long, short] = ["+15550200001", "+15550200002"];
      const [part, next] = await s.waitingMessages(2, { participant: long });
      await s.texted({ participant: long, needsAnswer: false, body: "Thanks" });
      const { message } = await s.texted({ participant: long, body: "One" });
      await s.sent(present(part, "the first part").id);
      const { conversationId } = present(message, "the text");
      await s.texted({ participant: long, body: "Two" });
      await s.advance(1_000);
      await s.texted({ participant: short });
      await s.advance(DEBOUNCE_MS);
      const claim = { scope: SCOPE, callId: s.id("call"), workerId: "w1", leaseMs: 600_000, limit: 2, historyLimit: 4 };
      const page = { conversationId, before: Number.MAX_SAFE_INTEGER, limit: 4 };
      const newest = (await s.storage.messages(page)).toReversed();
      const claimed = await s.storage.claimTurns(claim);
      const [first, second] = claimed;
      equal(first?.history, newest, "the newest messages, by seq");
      equal(newest[0]?.id, next?.id, "the oldest of them");
      equal(second?.history, second?.messages, "a conversation with fewer");
      const repeated = await s.storage.claimTurns(claim);
      equal(
        repeated,
        claimed.map((turn) => ({ ...turn, history: null })),
        "the same call again, without history",
      );
      await s.texted({ participant: "+15550200003" });
      equal((await s.claimed()).history, null, "where none is asked for");
    },
  },
  {
    name: "keeps the texts of many conversations apart",
    async run(s) {
      for (let person = 0; person < 5; person += 1) {
        await s.texted({ participant: `+1555020${person}`, body: `From ${person}` });
      }
      await s.advance(DEBOUNCE_MS);
      for (let claims = 0; claims < 5; claims += 1) {
        const claimed = present(await s.claim(), "a turn");
        const person = claimed.conversation.participant.at(-1);
        equal(
          claimed.messages.map(({ body }) => body),
          [`From ${person}`],
          "the texts to answer",
        );
        const committed = await s.commit(claimed, { expiryMs: EXPIRY_MS });
        equal(
          [committed.messages[0]?.to, committed.messages[0]?.from],
          [claimed.conversation.participant, LINE],
          "addresses",
        );
      }
    },
  },
];
