import type { SendConditions } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { EXPIRY_MS, FREE } from "./terms.ts";

const COST_MS = 30_000;

const RATE_LIMIT = { key: "sender", costMs: COST_MS, reason: "The sender is busy." } as const;

const RATE_LIMITED: SendConditions = { ...FREE, rateLimit: RATE_LIMIT };

/** The rate limit of a sender, for all processes together. */
export const rateLimitCases: readonly StorageCase[] = [
  {
    name: "gives each text of a sender the next reservation, in the order in which they asked",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
      await waits(s, third, 2 * COST_MS);
      equal(await s.dueIds(), [], "due while the sender is busy");
      s.near((await s.due(10)).nextInMs, 15_000, "nextInMs: the lease ends before the reservation comes");
      await s.advance(COST_MS);
      equal(await s.dueIds(), [second], "due at the first reservation");
      await s.sending(second, { conditions: RATE_LIMITED });
      await s.advance(COST_MS);
      equal(await s.dueIds(), [third], "due at the second reservation");
      await s.sending(third, { conditions: RATE_LIMITED });
    },
  },
  {
    name: "says why a text waits for its reservation, and counts nothing for it",
    async run(s) {
      const [first, second] = await strangers(s, 2);
      await s.sending(first, { conditions: RATE_LIMITED });
      const counter = { key: "k", windowMs: 600_000, max: 1, charge: 1, full: "cancel", reason: "Enough." } as const;
      const conditions = { ...RATE_LIMITED, counters: [counter] };
      const answer = await s.claimSend(second, { conditions });
      ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
      equal(answer.reason, RATE_LIMIT.reason, "reason");
      await s.advance(COST_MS);
      equal(await s.sending(second, { conditions }), 1, "the counter was not charged before");
    },
  },
  {
    name: "takes no reservation for a text that may not leave for another reason",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      const full = { key: "k", windowMs: 60_000, max: 0, charge: 1, full: "wait", reason: "Enough." } as const;
      for (const more of [{ delayMs: 1_000 }, { counters: [full] }]) {
        equal(
          (await s.claimSend(second, { conditions: { ...RATE_LIMITED, ...more } })).outcome,
          "waiting",
          "the second",
        );
      }
      await waits(s, third, COST_MS);
    },
  },
  {
    name: "keeps a text's reservation however often it asks, and gives it one only",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
      await s.advance(10_000);
      for (let times = 0; times < 3; times += 1) await waits(s, second, COST_MS - 10_000);
      await waits(s, third, 2 * COST_MS - 10_000);
    },
  },
  {
    name: "lets a text go in a reservation whose time has long come, and gives the reservation up with it",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
      await s.advance(10 * COST_MS);
      await s.sending(third, { conditions: RATE_LIMITED });
      equal(await s.sending(second, { conditions: RATE_LIMITED }), 1, "the second goes in its own reservation");
      await s.refuse(second, "retry");
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "is fair between conversations, and keeps the order of each",
    async run(s) {
      const [one, two, three] = [await s.waiting(), await s.waiting(), await s.waiting()];
      const [elsewhere] = await strangers(s, 1);
      await s.sending(one, { conditions: RATE_LIMITED });
      await s.accept(one);
      await waits(s, two, COST_MS);
      const answer = await s.claimSend(three, { conditions: RATE_LIMITED });
      ok(answer.outcome === "waiting" && answer.retryInMs === null, "a text behind another one takes no reservation");
      await waits(s, elsewhere, 2 * COST_MS);
      await s.advance(COST_MS);
      await s.sending(two, { conditions: RATE_LIMITED });
      await s.accept(two);
      await waits(s, three, 2 * COST_MS);
    },
  },
  {
    name: "keeps the rate limits of two senders apart, and asks none where there is none",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await s.sending(second, { conditions: { ...FREE, rateLimit: { ...RATE_LIMIT, key: "other" } } });
      await s.sending(third, { conditions: FREE });
    },
  },
  {
    name: "lets a text that costs more keep its sender busy for longer",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: { ...FREE, rateLimit: { ...RATE_LIMIT, costMs: 5 * COST_MS } } });
      await waits(s, second, 5 * COST_MS);
      await waits(s, third, 6 * COST_MS);
    },
  },
  {
    name: "leaves the reservation of a text empty that is cancelled or too old, and goes on behind it",
    async run(s) {
      const [first, second, third, fourth] = await strangers(s, 4, 3 * COST_MS);
      await s.sending(first, { conditions: RATE_LIMITED });
      for (const [place, id] of [second, third, fourth].entries()) await waits(s, id, (place + 1) * COST_MS);
      const answer = await s.claimSend(second, { conditions: { ...RATE_LIMITED, cancel: "Not this one." } });
      equal(answer.outcome, "cancelled", "the second");
      await waits(s, third, 2 * COST_MS);
      await s.advance(2 * COST_MS);
      equal(await s.dueIds(), [third], "due");
      await s.sending(third, { conditions: RATE_LIMITED });
      await s.advance(COST_MS);
      equal(
        (await s.claimSend(fourth, { conditions: RATE_LIMITED })).outcome,
        "cancelled",
        "the fourth, too old in its reservation",
      );
      const [fifth] = await strangers(s, 1);
      await waits(s, fifth, COST_MS);
    },
  },
  {
    name: "counts the expiry of a text from its reservation, however long the queue is",
    async run(s) {
      const texts = await strangers(s, 6, COST_MS);
      const claim = { conditions: RATE_LIMITED, expiryMs: COST_MS };
      for (const [place, id] of texts.entries()) {
        const { outcome } = await s.claimSend(id, claim);
        equal(outcome, place === 0 ? "claimed" : "waiting", `text ${place}`);
      }
      for (const id of texts.slice(1)) {
        await s.advance(COST_MS);
        equal(await s.sending(id, claim), 1, `the text ${id}, in its reservation`);
      }
    },
  },
  {
    name: "backs a sender off when the provider says so, and voids every reservation made before",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
      await backOff(s, first, 10 * COST_MS);
      await waits(s, third, 10 * COST_MS);
      await s.advance(COST_MS);
      equal(await s.dueIds(), [second], "the void reservation's text asks again");
      await waits(s, second, 10 * COST_MS);
      await s.advance(9 * COST_MS);
      await s.sending(third, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "never lets a text go sooner because the provider wants its sender to be slower",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await waits(s, second, COST_MS);
      await backOff(s, first, 1_000);
      await waits(s, third, COST_MS);
      await s.advance(COST_MS);
      await s.sending(third, { conditions: RATE_LIMITED });
      await backOff(s, third, 1_000);
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "holds a queue up for as long as the provider wants, and not for the reservations that are void as well",
    async run(s) {
      const [first, ...queue] = await strangers(s, 8);
      await s.sending(first, { conditions: RATE_LIMITED });
      for (const [place, id] of queue.entries()) await waits(s, id, (place + 1) * COST_MS);
      await backOff(s, first, 2 * COST_MS);
      const [newcomer] = await strangers(s, 1);
      await waits(s, newcomer, 2 * COST_MS);
      for (const [place, id] of queue.entries()) {
        await s.advance(COST_MS);
        if (place > 1)
          await s.sending(present(place === 2 ? newcomer : queue[place - 3], "who is next"), {
            conditions: RATE_LIMITED,
          });
        await waits(s, id, 2 * COST_MS);
      }
    },
  },
  {
    name: "keeps to the longer of two times for which the provider wants a sender to be left alone",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: RATE_LIMITED });
      await s.advance(COST_MS);
      await s.sending(second, { conditions: RATE_LIMITED });
      await backOff(s, first, 10 * COST_MS);
      await backOff(s, second, 2 * COST_MS);
      await waits(s, third, 10 * COST_MS);
    },
  },
  {
    name: "backs a sender off that had no rate limit before, and by a refusal that changes nothing else",
    async run(s) {
      const [first, second] = await strangers(s, 2);
      await s.sent(first);
      const delivery = await backOff(s, first, COST_MS);
      equal([delivery.outcome, delivery.message?.status], ["repeated", "accepted"], "the late refusal");
      await waits(s, second, COST_MS);
      equal((await backOff(s, "o-absent", 10 * COST_MS)).outcome, "unmatched", "a refusal of nothing");
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "never gives one reservation to two texts that race for it on two handles",
    async run(s) {
      const ids = await strangers(s, 6);
      const handles = [s.storage, s.second];
      const answers = await Promise.all(
        ids.map((id, at) =>
          present(handles[at % 2], "a handle").claimSend(s.sendClaim(id, { conditions: RATE_LIMITED })),
        ),
      );
      const delays = answers.map((answer) => (answer.outcome === "waiting" ? answer.retryInMs : 0));
      const inOrder = delays.map(Number).toSorted((one, other) => one - other);
      for (const [place, delay] of inOrder.entries()) s.near(delay, place * COST_MS, `reservation ${place}`);
    },
  },
];

/** Records `count` texts, each to another person. Returns their ids. */
async function strangers(s: Scene, count: number, expiryMs: number = EXPIRY_MS): Promise<Several> {
  const ids: string[] = [];
  for (let person = 0; person < count; person += 1) {
    ids.push(await s.waiting({ participant: `+1555${s.id("040")}`, expiryMs }));
  }
  const [first = "", second = "", third = "", fourth = "", ...more] = ids;
  return [first, second, third, fourth, ...more];
}

type Several = readonly [string, string, string, string, ...string[]];

async function waits(s: Scene, id: string, forMs: number): Promise<void> {
  const answer = await s.claimSend(id, { conditions: RATE_LIMITED });
  ok(answer.outcome === "waiting", `${id}: expected waiting, got ${answer.outcome}`);
  s.near(answer.retryInMs, forMs, `how long ${id} waits`);
}

function backOff(s: Scene, id: string, forMs: number) {
  const refusal = { kind: "refused", next: "retry", retryInMs: 600_000 } as const;
  const error = { code: 20429, reason: "Too many requests." };
  return s.sendResult(id, 1, { ...refusal, error, backOff: { key: RATE_LIMIT.key, forMs } });
}
