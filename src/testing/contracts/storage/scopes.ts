import { equal, present } from "./assert.ts";
import { claimOne, type Scene, type StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, FREE, LEASE_MS, SCOPE } from "./terms.ts";

const OTHER = "other";
const OTHER_PERSON = "+15550199002";
const HOUR_MS = 3_600_000;
const SET_ASIDE_MS = 30_000;
const LEFT_MS = 30_000;

/** Two services over one ledger. */
export const scopeCases: readonly StorageCase[] = [
  {
    name: "keeps the turns of another scope from a worker, and what is due with them",
    async run(s) {
      await s.texted({ scope: OTHER });
      await s.advance(DEBOUNCE_MS);
      equal(await s.claim(), null, "a turn of another scope");
      equal(await s.due(10), { messages: [], turns: false, nextInMs: null }, "what is due in this scope");
      equal((await s.due(10, { scope: OTHER })).turns, true, "what is due in the other one");
      const claim = { callId: s.id("call"), scope: OTHER, workerId: "w2", leaseMs: LEASE_MS };
      present(await claimOne(s.second, claim), "the turn in its own scope");
      equal((await s.due(10)).nextInMs, null, "the end of another scope's lease");
    },
  },
  {
    name: "keeps the messages of another scope from a worker",
    async run(s) {
      const id = await s.waiting({ scope: OTHER });
      equal((await s.due(10)).messages, [], "due in this scope");
      equal((await s.claimSend(id)).outcome, "gone", "a claim in this scope");
      equal((await s.claimSend(id, { setAsideMs: SET_ASIDE_MS })).outcome, "gone", "setting it aside");
      const { messages } = await s.due(10, { scope: OTHER });
      equal(
        messages.map(({ message }) => message.id),
        [id],
        "due in the other scope",
      );
      equal(await s.sending(id, { scope: OTHER }), 1, "its attempt");
    },
  },
  {
    name: "takes over from expired workers of the same scope only",
    async run(s) {
      await s.texted({ scope: OTHER });
      await s.advance(DEBOUNCE_MS);
      const claim = { callId: s.id("call"), scope: OTHER, workerId: "gone", leaseMs: LEASE_MS };
      present(await claimOne(s.storage, claim), "the turn");
      const id = await s.waiting({ scope: OTHER, participant: OTHER_PERSON });
      await s.sending(id, { scope: OTHER, workerId: "gone" });
      await s.advance(HOUR_MS);
      const here = await s.heartbeat({ workerId: "w2" });
      equal([here.recovered, here.unsettled], [0, []], "taken over in this scope");
      const there = await s.heartbeat({ scope: OTHER, workerId: "w3" });
      equal([there.recovered, there.unsettled.map((message) => message.id)], [1, [id]], "in the other scope");
      const suspicion = { callId: s.id("call"), scope: SCOPE, limit: 10, lookInMs: 0 };
      await s.waiting({ scope: OTHER, participant: "+15550199003" });
      equal(await s.storage.markUnknown(suspicion), [], "what may have left, in this scope");
    },
  },
  {
    name: "files a conversation under the scope that it came to last, with the message that is next in it",
    async run(s) {
      const id = await s.waiting();
      const { conversation } = await s.texted({ scope: OTHER });
      await s.advance(DEBOUNCE_MS);
      const claim = { callId: s.id("call"), scope: OTHER, workerId: "w1", leaseMs: LEASE_MS };
      const claimed = present(await claimOne(s.storage, claim), "the turn in the new scope");
      equal(claimed.conversation.id, conversation?.id, "its conversation");
      await s.commit(claimed);
      const { messages } = await s.due(10, { scope: OTHER });
      equal(
        messages.map(({ message }) => message.id),
        [id],
        "the message that waited",
      );
    },
  },
  {
    name: "leaves a turn of a line that the worker does not know to others, and lets them go first after that",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed("w1");
      await s.release(claimed, { workerId: "w1", reason: "unknown-line", retryInMs: SET_ASIDE_MS });
      equal((await s.due(10)).nextInMs, null, "nothing for the worker itself to wait for");
      s.near((await s.due(10, { workerId: "w2" })).nextInMs, SET_ASIDE_MS, "how long others wait");
      await s.advance(SET_ASIDE_MS);
      equal([(await s.due(10)).turns, await s.claim("w1")], [false, null], "the worker that does not know the line");
      const other = present(await s.claim("w2"), "another worker");
      equal([other.turn.id, other.turn.runs, other.turn.failures], [claimed.turn.id, 1, 0], "the turn's first run");
    },
  },
  {
    name: "gives a turn back to the worker that set it aside when no other came",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed("w1");
      await s.release(claimed, { workerId: "w1", reason: "unknown-line", retryInMs: SET_ASIDE_MS });
      await s.advance(SET_ASIDE_MS + LEFT_MS);
      equal((await s.due(10)).turns, true, "due");
      present(await s.claim("w1"), "the turn");
    },
  },
  {
    name: "gives the turn that has been due longest first, also where the worker had set it aside",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed("w1");
      await s.release(claimed, { workerId: "w1", reason: "unknown-line", retryInMs: SET_ASIDE_MS });
      await s.advance(SET_ASIDE_MS);
      await s.texted({ participant: OTHER_PERSON });
      await s.advance(LEFT_MS);
      equal((await s.claim("w1"))?.turn.id, claimed.turn.id, "the first turn");
      present(await s.claim("w1"), "the other turn");
    },
  },
  {
    name: "leaves a message of a line that the worker does not know to others, unjudged, and cancels it at its expiry",
    async run(s) {
      const id = await s.waiting({ expiryMs: HOUR_MS });
      const counter = { key: "k", windowMs: HOUR_MS, max: 1, charge: 1, full: "wait", reason: "Enough." } as const;
      const conditions = { ...FREE, cancel: "Not this one.", counters: [counter] };
      const aside = await s.claimSend(id, { conditions, setAsideMs: SET_ASIDE_MS });
      equal([aside.outcome, await s.storage.counters(["k"])], ["waiting", []], "set aside");
      s.near((await s.due(10)).nextInMs, SET_ASIDE_MS, "when the worker asks first");
      await s.advance(SET_ASIDE_MS);
      equal([(await dueIds(s, "w1")).length, await dueIds(s, "w2")], [0, [id]], "due for others");
      s.near((await s.due(10)).nextInMs, LEFT_MS, "when the worker looks again");
      await s.advance(LEFT_MS);
      equal(await dueIds(s, "w1"), [id], "due for the worker at last");
      await s.advance(HOUR_MS - SET_ASIDE_MS - LEFT_MS);
      equal((await s.claimSend(id, { setAsideMs: SET_ASIDE_MS })).outcome, "cancelled", "at its expiry");
    },
  },
  {
    name: "has a message whose state is unknown looked up by others, where the worker does not know its line",
    async run(s) {
      const id = await s.waiting();
      await s.lose(id, await s.sending(id));
      await s.advance(HOUR_MS);
      equal((await s.claimSend(id, { setAsideMs: SET_ASIDE_MS })).outcome, "waiting", "set aside");
      await s.advance(SET_ASIDE_MS);
      equal([await dueIds(s, "w1"), await dueIds(s, "w2")], [[], [id]], "due");
    },
  },
];

async function dueIds(s: Scene, workerId: string): Promise<readonly string[]> {
  return (await s.due(10, { workerId })).messages.map(({ message }) => message.id);
}
