import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, EXPIRY_MS, FREE, LEASE_MS, LINE, MAX_WAIT_MS } from "./terms.ts";

const MONTH_MS = 30 * 86_400_000;
const MINUTE_MS = 60_000;

/** Rows that the storage's clock wrote while it was ahead, and rows from before. */
export const clockCases: readonly StorageCase[] = [
  {
    name: "answers a text at once that was recorded by a clock that was a month ahead",
    async run(s) {
      const first = await ahead(s, MONTH_MS, async () => present((await s.texted()).message, "a text"));
      const due = await s.due(10);
      equal([due.turns, due.messages], [true, []], "due");
      const claimed = present(await s.claim(), "a turn to claim");
      equal(claimed.messages, [first], "what it answers");
      s.near(claimed.waitedMs, 0, "how long the text has been waiting");
      await s.commit(claimed);
      await s.texted();
      equal([(await s.due(10)).turns, await s.claim()], [false, null], "a text that is recorded now");
      await s.claimed();
    },
  },
  {
    name: "runs a turn again at once that failed by a clock that was a month ahead, without the backoff it left",
    async run(s) {
      await s.texted();
      const failed = await s.claimed();
      await ahead(s, MONTH_MS, () => s.release(failed, { retryInMs: 240_000 }));
      equal((await s.due(10)).turns, true, "due");
      const again = present(await s.claim(), "a turn to claim");
      equal([again.turn.runs, again.turn.failures], [2, 1], "runs and failures");
      await s.release(again, { reason: "stopped", retryInMs: 0 });
      await s.texted();
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "a newer text waits for its debounce only");
    },
  },
  {
    name: "gives a turn to the worker that set it aside by a clock that was a month ahead",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await ahead(s, MONTH_MS, () => s.release(claimed, { reason: "unknown-line", retryInMs: 240_000 }));
      equal((await s.due(10)).turns, true, "due");
      equal((await s.claim())?.turn.id, claimed.turn.id, "the turn");
    },
  },
  {
    name: "sends a text at once that waits for a time of a clock that was a month ahead, and counts its expiry from then",
    async run(s) {
      const refused = await s.waiting({ participant: "+15550199002" });
      await s.sending(refused);
      const made = await ahead(s, MONTH_MS, async () => {
        await s.refuse(refused, "retry", { retryInMs: MINUTE_MS });
        return await s.waiting();
      });
      equal((await s.dueIds()).toSorted(), [made, refused].toSorted(), "due");
      await s.sending(refused);
      const wait = async (delayMs: number): Promise<void> => {
        const held = await s.claimSend(made, { conditions: { ...FREE, delayMs }, expiryMs: EXPIRY_MS });
        equal(held.outcome, "waiting", "the one that was made then");
        equal(await s.dueIds(), [], "due while it waits");
        await s.advance(delayMs);
        equal(await s.dueIds(), [made], "due at its time");
      };
      await wait(LOOK_AGAIN_MS);
      await wait(EXPIRY_MS);
      equal((await s.claimSend(made)).outcome, "cancelled", "at its expiry");
    },
  },
  {
    name: "keeps a text due that waited for a time of a clock that was a month ahead, also where its conversation changes first",
    async run(s) {
      const refused = await s.waiting();
      await s.sending(refused);
      await ahead(s, MONTH_MS, () => s.refuse(refused, "retry", { retryInMs: MINUTE_MS }));
      await s.waiting();
      equal(await s.dueIds(), [refused], "due after a later text was recorded");
      await s.sending(refused);
    },
  },
  {
    name: "cancels a text as too old that is found so late only where a look ten seconds later finds it too",
    async run(s) {
      const [first, second] = await strangers(s, 2);
      await ahead(s, MONTH_MS, async () => {
        for (let times = 0; times < 2; times += 1) {
          const answer = await s.claimSend(first);
          ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
          s.near(answer.retryInMs, LOOK_AGAIN_MS, "retryInMs");
        }
        equal((await s.claimSend(first, { setAsideMs: 1_000 })).outcome, "waiting", "where its line is not known");
      });
      equal(await s.sending(first), 1, "it leaves when the clock is right again");
      await s.advance(MONTH_MS);
      equal((await s.claimSend(second)).outcome, "waiting", "the other one, when the month is over");
      await s.advance(LOOK_AGAIN_MS / 2);
      equal([await s.dueIds(), (await s.claimSend(second)).outcome], [[], "waiting"], "before ten seconds are over");
      await s.advance(LOOK_AGAIN_MS / 2);
      equal([await s.dueIds(), (await s.claimSend(second)).outcome], [[second], "cancelled"], "after them");
    },
  },
  {
    name: "takes back what an expired worker holds that was heard of by a clock a month ahead, a lease after that is seen",
    async run(s) {
      const [claimed, id] = await ahead(s, MONTH_MS, async () => {
        await s.texted({ participant: "+15550199002" });
        const made = await s.waiting();
        await s.sending(made, { workerId: "expired" });
        return [await s.claimed("expired"), made] as const;
      });
      equal((await s.due(10, { workerId: "w2" })).nextInMs, 0, "nextInMs asks for a heartbeat");
      const seen = await s.heartbeat({ workerId: "w2" });
      equal([seen.recovered, seen.unsettled], [0, []], "the worker may be alive");
      s.near((await s.due(10, { workerId: "w2" })).nextInMs, LEASE_MS, "nextInMs");
      await s.advance(LEASE_MS);
      const taken = await s.heartbeat({ workerId: "w2" });
      equal([taken.recovered, taken.unsettled.map((message) => message.id)], [1, [id]], "what is taken back");
      const again = present(await s.claim("w2"), "the turn");
      equal([again.turn.id, again.crashes], [claimed.turn.id, 1], "the turn and its crashes");
    },
  },
  {
    name: "leaves a turn to a worker that was heard of by a clock a month ahead, where an expired worker's message is taken back",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id, { workerId: "expired" });
      await s.advance(LEASE_MS);
      const claimed = await ahead(s, MONTH_MS, async () => {
        await s.texted();
        return await s.claimed();
      });
      const { recovered, unsettled } = await s.heartbeat({ workerId: "w2" });
      equal([recovered, unsettled.map((message) => message.id)], [0, [id]], "what is taken back");
      equal((await s.commit(claimed)).outcome, "committed", "its commit");
    },
  },
  {
    name: "leaves what it holds to a worker that is heard of again after its clock was a month ahead",
    async run(s) {
      await s.texted();
      const claimed = await ahead(s, MONTH_MS, async () => await s.claimed());
      await s.heartbeat({ workerId: "w2" });
      const { leases } = await s.heartbeat();
      equal(
        leases.map(({ turnId }) => turnId),
        [claimed.turn.id],
        "its leases",
      );
      await s.advance(LEASE_MS / 2);
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 0, "alive for one lease by the clock that is right");
      equal((await s.commit(claimed)).outcome, "committed", "its commit");
      await s.texted();
      await s.claimed();
      await s.advance(LEASE_MS);
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 1, "expired a lease later");
    },
  },
  {
    name: "reports what a clock wrote that was ahead, once for each kind of row",
    async run(s) {
      await ahead(s, MONTH_MS, async () => {
        for (const participant of ["+15550199002", "+15550199003"]) {
          await s.texted({ participant });
          await s.waiting({ participant });
        }
      });
      equal([(await s.due(10)).turns, s.storage.problems], [true, []], "before anything is decided about it");
      const reported = () =>
        s.storage.problems.map(({ code, message }) => [
          code,
          / (\S+) are void/.exec(message)?.[1],
          DAYS.exec(message)?.[1],
        ]);
      const [turns, messages] = ["turns", "messages"].map((whose) => ["storage_clock", whose, "30 days"]);
      await Promise.all((await s.dueIds()).map((id) => s.sending(id)));
      equal(reported(), [turns, messages], "what is reported");
      for (let times = 0; times < 2; times += 1) await s.commit(present(await s.claim(), "a turn"), { parts: [] });
      equal(reported(), [turns, messages], "what is reported when all is decided");
    },
  },
  {
    name: "believes a clock that was ahead by a minute, and no more",
    async run(s) {
      await ahead(s, MINUTE_MS - 1_000, () => s.texted());
      equal((await s.due(10)).turns, false, "a text from less than a minute ahead");
      await ahead(s, MINUTE_MS + 1_000, () => s.texted({ participant: "+15550199002" }));
      const claimed = present(await s.claim(), "a turn to claim");
      equal(claimed.conversation.participant, "+15550199002", "the one from more than a minute ahead");
      await s.advance(MINUTE_MS + MAX_WAIT_MS);
      equal(present(await s.claim(), "the other turn").conversation.line, LINE, "the other one, in its time");
    },
  },
];

const DAYS = /(\d+ days) ahead/;
const LOOK_AGAIN_MS = 10_000;

/** Runs an action while the clock is ahead (or behind), and then sets the clock right again. */
export async function ahead<Answer>(s: Scene, byMs: number, act: () => Promise<Answer>): Promise<Answer> {
  await s.advance(byMs);
  const answer = await act();
  await s.advance(-byMs);
  return answer;
}

/** Records `count` texts, each to another person. Returns their ids. */
export async function strangers(s: Scene, count: number): Promise<readonly [string, string, string, ...string[]]> {
  const ids: string[] = [];
  for (let person = 0; person < count; person += 1) ids.push(await s.waiting({ participant: `+1555${s.id("040")}` }));
  const [first = "", second = "", third = "", ...more] = ids;
  return [first, second, third, ...more];
}
