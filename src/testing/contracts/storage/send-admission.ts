import type { CounterCondition } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import { race } from "./race.ts";
import type { StorageCase } from "./scene.ts";
import { EXPIRY_MS, FREE } from "./terms.ts";

const COUNTER: CounterCondition = {
  key: "person",
  windowMs: 60_000,
  max: 2,
  charge: 1,
  full: "wait",
  reason: "Too many.",
};

/** The conditions and charges of the send admission. The cases about the order of texts are in `order.ts`. */
export const sendAdmissionCases: readonly StorageCase[] = [
  {
    name: "hands a text over with its first attempt",
    async run(s) {
      const id = await s.waiting();
      const answer = await s.claimSend(id);
      ok(answer.outcome === "claimed", `expected claimed, got ${JSON.stringify(answer)}`);
      const { status, attempts, seq, changedSeq, error } = answer.message;
      equal(
        { status, attempts, seq, changedSeq, error },
        { status: "sending", attempts: 1, seq: 1, changedSeq: 2, error: null },
        "the text",
      );
      equal([answer.attempt, answer.overtook], [1, []], "attempt and overtook");
      equal(
        (await s.storyOf(id)).attempts.map(({ attempt, status: at }) => [attempt, at]),
        [[1, "sending"]],
        "attempts",
      );
      equal(await s.dueIds(), [], "due");
      equal(await s.claimSend(id), { outcome: "gone" }, "a second claim");
      equal(await s.claimSend("o-absent"), { outcome: "gone" }, "a text that is not there");
    },
  },
  {
    name: "admits one of two racing workers",
    async run(s) {
      await race(6, async (_, stagger) => {
        const id = await s.waiting({ participant: `+1555${s.id("030")}` });
        const answers = await Promise.all(
          [s.storage, s.second].map(async (handle, side) => {
            await stagger(side === 0 ? 0 : 1);
            return handle.claimSend(s.sendClaim(id, { workerId: `w${side}` }));
          }),
        );
        equal(answers.map(({ outcome }) => outcome).toSorted(), ["claimed", "gone"], "outcomes");
        equal((await s.outbound(id)).attempts, 1, "attempts");
      });
    },
  },
  {
    name: "cancels a text that is too old, with the later parts of it",
    async run(s) {
      const parts = await s.waitingMessages(3, { expiryMs: 60_000 });
      const [first] = parts;
      await s.advance(60_001);
      const answer = await s.claimSend(present(first, "the first part").id);
      ok(answer.outcome === "cancelled", `expected cancelled, got ${answer.outcome}`);
      equal(
        answer.messages.map(({ id, status }) => [id, status]),
        parts.map(({ id }) => [id, "cancelled"]),
        "messages",
      );
      ok(
        answer.messages.every(({ error }) => error !== null && error.code === null),
        "each says why",
      );
      equal(await s.dueIds(), [], "due");
    },
  },
  {
    name: "sends a text that is just young enough",
    async run(s) {
      const id = await s.waiting({ expiryMs: EXPIRY_MS });
      await s.advance(EXPIRY_MS - 10_000);
      equal(await s.sending(id), 1, "attempt");
    },
  },
  {
    name: "cancels with the reason that a condition gives",
    async run(s) {
      const id = await s.waiting();
      const answer = await s.claimSend(id, { conditions: { ...FREE, cancel: "The sender is gone." } });
      ok(answer.outcome === "cancelled", `expected cancelled, got ${answer.outcome}`);
      equal(
        answer.messages.map((message) => [message.id, message.error]),
        [[id, { code: null, reason: "The sender is gone." }]],
        "messages",
      );
      equal((await s.outbound(id)).changedSeq, 2, "changedSeq");
    },
  },
  {
    name: "cancels where consent is required and the person opted out meanwhile",
    async run(s) {
      const { conversation } = await s.texted();
      const claimed = await s.claimed();
      const key = `consent:${present(conversation, "it").participant}`;
      await s.storage.recordInbound(s.stop({ line: "+15550100002", consentKey: key }));
      const { messages } = await s.commit(claimed);
      const [free, bound] = [present(messages[0], "the reply").id, await stillBound()];
      equal((await s.claimSend(free)).outcome, "cancelled", "the send admission of a reply");
      equal(bound, "opted-out", "a new text");

      async function stillBound() {
        return (await s.posted()).outcome;
      }
    },
  },
  {
    name: "stores nothing for an opted-out person, not even the key",
    async run(s) {
      await s.storage.recordInbound(s.stop());
      const record = s.post();
      const before = await s.snapshot();
      const { outcome, messages } = await s.storage.recordOutbound(record);
      equal({ outcome, messages }, { outcome: "opted-out", messages: [] }, "the answer");
      equal(await s.snapshot(), before, "the ledger");
      await s.storage.recordInbound(s.start());
      equal((await s.storage.recordOutbound(record)).outcome, "recorded", "the same key after START");
      await s.storage.recordInbound(s.stop());
      equal((await s.storage.recordOutbound(record)).outcome, "repeated", "the same key after another STOP");
    },
  },
  {
    name: "cancels in a paused conversation only where that is forbidden",
    async run(s) {
      const { conversation } = await s.texted();
      const ai = await s.waiting();
      const operator = await s.waiting({ origin: "operator" });
      await s.pause(present(conversation, "it").id, { paused: true });
      equal((await s.claimSend(ai, { conditions: { ...FREE, unpaused: true } })).outcome, "cancelled", "forbidden");
      equal(await s.sending(operator), 1, "allowed");
    },
  },
  {
    name: "lets a text wait for as long as a condition says",
    async run(s) {
      const id = await s.waiting();
      const answer = await s.claimSend(id, { conditions: { ...FREE, delayMs: 30_000 } });
      ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
      equal(answer.retryInMs, 30_000, "retryInMs");
      equal(await s.statuses([id]), ["waiting"], "status");
      equal(await s.dueIds(), [], "due");
      s.near((await s.due(10)).nextInMs, 30_000, "nextInMs");
      await s.advance(30_000);
      equal(await s.dueIds(), [id], "due after the wait");
      equal(await s.sending(id), 1, "attempt");
    },
  },
  {
    name: "charges a counter for each text, and waits until its window ends when it is full",
    async run(s) {
      const conditions = { ...FREE, counters: [COUNTER] };
      const ids = [await s.waiting(), await s.waiting(), await s.waiting()];
      await s.sending(present(ids[0], "1"), { conditions });
      await s.accept(present(ids[0], "1"));
      await s.advance(20_000);
      await s.sending(present(ids[1], "2"), { conditions });
      await s.accept(present(ids[1], "2"));
      const third = present(ids[2], "3");
      const answer = await s.claimSend(third, { conditions });
      ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
      s.near(answer.retryInMs, 40_000, "what is left of the window");
      equal(answer.reason, "Too many.", "reason");
      equal(await s.dueIds(), [], "due");
      await s.advance(40_000);
      equal(await s.dueIds(), [third], "due in the next window");
      equal(await s.sending(third, { conditions }), 1, "attempt");
    },
  },
  {
    name: "reads the open windows of counters, and charges nothing by that",
    async run(s) {
      const conditions = { ...FREE, counters: [COUNTER] };
      equal(await s.storage.counters([COUNTER.key]), [], "before the first charge");
      await s.sending(await s.waiting(), { conditions });
      await s.advance(20_000);
      for (const look of ["first", "second"]) {
        const [open, ...others] = await s.storage.counters([s.id("other"), COUNTER.key]);
        equal(others, [], `others at the ${look} look`);
        equal(open?.key, COUNTER.key, `key at the ${look} look`);
        equal(open?.count, 1, `count at the ${look} look`);
        s.near(open?.endsInMs ?? null, 40_000, `endsInMs at the ${look} look`);
      }
      await s.advance(40_000);
      equal(await s.storage.counters([COUNTER.key]), [], "after the window");
    },
  },
  {
    name: "waits for the last of several full counters",
    async run(s) {
      const short = { ...COUNTER, key: "short", max: 1, windowMs: 20_000 };
      const long = { ...COUNTER, key: "long", max: 1, windowMs: 90_000, reason: "The long one." };
      await s.sending(await s.waiting(), { conditions: { ...FREE, counters: [short, long] } });
      for (const counters of [
        [short, long],
        [long, short],
      ]) {
        const id = await s.waiting({ participant: `+1555${s.id("030")}` });
        const answer = await s.claimSend(id, { conditions: { ...FREE, counters } });
        ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
        s.near(answer.retryInMs, 90_000, "retryInMs");
        equal(answer.reason, "The long one.", "reason");
      }
    },
  },
  {
    name: "cancels at a full counter that says so",
    async run(s) {
      const conditions = { ...FREE, counters: [{ ...COUNTER, max: 0, full: "cancel" as const }] };
      const id = await s.waiting();
      const answer = await s.claimSend(id, { conditions });
      ok(answer.outcome === "cancelled", `expected cancelled, got ${answer.outcome}`);
      equal(answer.messages[0]?.error, { code: null, reason: "Too many." }, "error");
    },
  },
  {
    name: "charges all counters or none",
    async run(s) {
      const wide = { ...COUNTER, key: "wide", windowMs: 600_000, max: 5, charge: 5 };
      const full = { ...COUNTER, key: "full", max: 0 };
      const id = await s.waiting();
      for (const counters of [
        [wide, full],
        [full, wide],
      ]) {
        equal((await s.claimSend(id, { conditions: { ...FREE, counters } })).outcome, "waiting", "with a full counter");
        await s.advance(full.windowMs);
      }
      const conditions = { ...FREE, counters: [wide] };
      equal((await s.claimSend(id, { conditions: { ...conditions, delayMs: 1 } })).outcome, "waiting", "with a delay");
      await s.advance(1);
      equal(await s.sending(id, { conditions }), 1, "the counter was not charged before");
      await s.accept(id);
      const next = await s.waiting();
      equal((await s.claimSend(next, { conditions })).outcome, "waiting", "now it is full");
      const cancelling = {
        ...FREE,
        counters: [...conditions.counters, { ...full, full: "cancel" as const, reason: "Loop." }],
      };
      const answer = await s.claimSend(next, { conditions: cancelling });
      ok(answer.outcome === "cancelled", `a counter that cancels outranks one that waits; got ${answer.outcome}`);
      equal(answer.messages[0]?.error?.reason, "Loop.", "reason");
    },
  },
  {
    name: "does not charge a counter for a text that waits for its turn",
    async run(s) {
      const conditions = { ...FREE, counters: [{ ...COUNTER, max: 1 }] };
      const [first, second] = await s.waitingMessages(2);
      equal((await s.claimSend(present(second, "2").id, { conditions })).outcome, "waiting", "the second part");
      equal(await s.sending(present(first, "1").id, { conditions }), 1, "the first part");
    },
  },
  {
    name: "never lets racing texts charge a counter beyond its maximum",
    async run(s) {
      const conditions = { ...FREE, counters: [{ ...COUNTER, max: 3 }] };
      const claims = [];
      for (let person = 0; person < 8; person += 1) {
        claims.push(s.sendClaim(await s.waiting({ participant: `+1555020${person}` }), { conditions }));
      }
      const handles = [s.storage, s.second];
      const answers = await Promise.all(
        claims.map((claim, at) => present(handles[at % 2], "a handle").claimSend(claim)),
      );
      equal(answers.filter(({ outcome }) => outcome === "claimed").length, 3, "claimed");
      equal(answers.filter(({ outcome }) => outcome === "waiting").length, 5, "waiting");
    },
  },
  {
    name: "records a send() once for its key, also when two handles race for it",
    async run(s) {
      await race(4, async (round, stagger) => {
        const record = s.post({ key: `order-${round}`, parts: s.parts(2) });
        const twin = s.post({ key: `order-${round}` });
        const answers = await Promise.all([
          stagger(0).then(() => s.storage.recordOutbound(record)),
          stagger(1).then(() => s.second.recordOutbound(twin)),
        ]);
        equal(answers.map(({ outcome }) => outcome).toSorted(), ["recorded", "repeated"], "outcomes");
        equal(answers[0]?.messages, answers[1]?.messages, "messages");
      });
    },
  },
];
