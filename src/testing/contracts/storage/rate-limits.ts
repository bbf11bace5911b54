import type { SendConditions } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { EXPIRY_MS, FREE } from "./terms.ts";

const COST_MS = 30_000;

const RATE_LIMIT = { key: "sender", costMs: COST_MS, reason: "The sender is busy." } as const;

const PACED: SendConditions = { ...FREE, rateLimit: RATE_LIMIT };

/** How fast one sender sends, for all processes together. */
export const rateLimitCases: readonly StorageCase[] = [
  {
    name: "gives each text of a sender the next slot, in the order in which they asked",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      await waits(s, second, COST_MS);
      await waits(s, third, 2 * COST_MS);
      equal(await s.dueIds(), [], "due while the sender is busy");
      s.near((await s.due(10)).nextInMs, 15_000, "nextInMs: the lease ends before the slot comes");
      await s.advance(COST_MS);
      equal(await s.dueIds(), [second], "due at the first slot");
      await s.sending(second, { conditions: PACED });
      await s.advance(COST_MS);
      equal(await s.dueIds(), [third], "due at the second slot");
      await s.sending(third, { conditions: PACED });
    },
  },
  {
    name: "says why a text waits for its slot, and counts nothing for it",
    async run(s) {
      const [first, second] = await strangers(s, 2);
      await s.sending(first, { conditions: PACED });
      const counter = { key: "k", windowMs: 600_000, max: 1, charge: 1, full: "cancel", reason: "Enough." } as const;
      const conditions = { ...PACED, counters: [counter] };
      const answer = await s.claimSend(second, { conditions });
      ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
      equal(answer.reason, RATE_LIMIT.reason, "reason");
      await s.advance(COST_MS);
      equal(await s.sending(second, { conditions }), 1, "the counter was not charged before");
    },
  },
  {
    name: "takes no slot for a text that may not leave for another reason",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      const full = { key: "k", windowMs: 60_000, max: 0, charge: 1, full: "wait", reason: "Enough." } as const;
      for (const more of [{ delayMs: 1_000 }, { counters: [full] }]) {
        equal((await s.claimSend(second, { conditions: { ...PACED, ...more } })).outcome, "waiting", "the second");
      }
      await waits(s, third, COST_MS);
    },
  },
  {
    name: "keeps a text's slot however often it asks, and reserves one for it only",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      await waits(s, second, COST_MS);
      await s.advance(10_000);
      for (let times = 0; times < 3; times += 1) await waits(s, second, COST_MS - 10_000);
      await waits(s, third, 2 * COST_MS - 10_000);
    },
  },
  {
    name: "lets a text go in a slot whose time has long come, and gives the slot up with it",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      await waits(s, second, COST_MS);
      await s.advance(10 * COST_MS);
      await s.sending(third, { conditions: PACED });
      equal(await s.sending(second, { conditions: PACED }), 1, "the second goes in its own slot");
      await s.refuse(second, "retry");
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "is fair between conversations, and keeps the order of each",
    async run(s) {
      const [one, two, three] = [await s.waiting(), await s.waiting(), await s.waiting()];
      const [elsewhere] = await strangers(s, 1);
      await s.sending(one, { conditions: PACED });
      await s.accept(one);
      await waits(s, two, COST_MS);
      const answer = await s.claimSend(three, { conditions: PACED });
      ok(answer.outcome === "waiting" && answer.retryInMs === null, "a text behind another one takes no slot");
      await waits(s, elsewhere, 2 * COST_MS);
      await s.advance(COST_MS);
      await s.sending(two, { conditions: PACED });
      await s.accept(two);
      await waits(s, three, 2 * COST_MS);
    },
  },
  {
    name: "keeps the rateLimits of two senders apart, and asks none where there is none",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
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
    name: "leaves the slot of a text empty that is cancelled or too old, and goes on behind it",
    async run(s) {
      const [first, second, third, fourth] = await strangers(s, 4, 3 * COST_MS);
      await s.sending(first, { conditions: PACED });
      for (const [place, id] of [second, third, fourth].entries()) await waits(s, id, (place + 1) * COST_MS);
      const answer = await s.claimSend(second, { conditions: { ...PACED, cancel: "Not this one." } });
      equal(answer.outcome, "cancelled", "the second");
      await waits(s, third, 2 * COST_MS);
      await s.advance(2 * COST_MS);
      equal(await s.dueIds(), [third], "due");
      await s.sending(third, { conditions: PACED });
      await s.advance(COST_MS);
      equal((await s.claimSend(fourth, { conditions: PACED })).outcome, "cancelled", "the fourth, too old in its slot");
      const [fifth] = await strangers(s, 1);
      await waits(s, fifth, COST_MS);
    },
  },
  {
    name: "counts the expiry of a text from its slot, however long the queue is",
    async run(s) {
      const texts = await strangers(s, 6, COST_MS);
      const claim = { conditions: PACED, expiryMs: COST_MS };
      for (const [place, id] of texts.entries()) {
        const { outcome } = await s.claimSend(id, claim);
        equal(outcome, place === 0 ? "claimed" : "waiting", `text ${place}`);
      }
      for (const id of texts.slice(1)) {
        await s.advance(COST_MS);
        equal(await s.sending(id, claim), 1, `the text ${id}, in its slot`);
      }
    },
  },
  {
    name: "slows a sender down when the provider says so, and voids every slot taken before",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      await waits(s, second, COST_MS);
      await slow(s, first, 10 * COST_MS);
      await waits(s, third, 10 * COST_MS);
      await s.advance(COST_MS);
      equal(await s.dueIds(), [second], "the void slot's text asks again");
      await waits(s, second, 10 * COST_MS);
      await s.advance(9 * COST_MS);
      await s.sending(third, { conditions: PACED });
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "never lets a text go sooner because the provider wants its sender to be slower",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      await waits(s, second, COST_MS);
      await slow(s, first, 1_000);
      await waits(s, third, COST_MS);
      await s.advance(COST_MS);
      await s.sending(third, { conditions: PACED });
      await slow(s, third, 1_000);
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "holds a queue up for as long as the provider wants, and not for the slots that are void as well",
    async run(s) {
      const [first, ...queue] = await strangers(s, 8);
      await s.sending(first, { conditions: PACED });
      for (const [place, id] of queue.entries()) await waits(s, id, (place + 1) * COST_MS);
      await slow(s, first, 2 * COST_MS);
      const [newcomer] = await strangers(s, 1);
      await waits(s, newcomer, 2 * COST_MS);
      for (const [place, id] of queue.entries()) {
        await s.advance(COST_MS);
        if (place > 1)
          await s.sending(present(place === 2 ? newcomer : queue[place - 3], "who is next"), { conditions: PACED });
        await waits(s, id, 2 * COST_MS);
      }
    },
  },
  {
    name: "keeps to the longer of two times for which the provider wants a sender to be left alone",
    async run(s) {
      const [first, second, third] = await strangers(s, 3);
      await s.sending(first, { conditions: PACED });
      await s.advance(COST_MS);
      await s.sending(second, { conditions: PACED });
      await slow(s, first, 10 * COST_MS);
      await slow(s, second, 2 * COST_MS);
      await waits(s, third, 10 * COST_MS);
    },
  },
  {
    name: "slows a sender down that was never paced before, and by a refusal that changes nothing else",
    async run(s) {
      const [first, second] = await strangers(s, 2);
      await s.sent(first);
      const delivery = await slow(s, first, COST_MS);
      equal([delivery.outcome, delivery.message?.status], ["repeated", "accepted"], "the late refusal");
      await waits(s, second, COST_MS);
      equal((await slow(s, "o-absent", 10 * COST_MS)).outcome, "unmatched", "a refusal of nothing");
      await waits(s, second, COST_MS);
    },
  },
  {
    name: "never gives one slot to two texts that race for it on two handles",
    async run(s) {
      const ids = await strangers(s, 6);
      const handles = [s.storage, s.second];
      const answers = await Promise.all(
        ids.map((id, at) => present(handles[at % 2], "a handle").claimSend(s.sendClaim(id, { conditions: PACED }))),
      );
      const delays = answers.map((answer) => (answer.outcome === "waiting" ? answer.retryInMs : 0));
      const inOrder = delays.map(Number).toSorted((one, other) => one - other);
      for (const [place, delay] of inOrder.entries()) s.near(delay, place * COST_MS, `slot ${place}`);
    },
  },
];

/** Texts to as many people, each in a conversation of its own. */
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
  const answer = await s.claimSend(id, { conditions: PACED });
  ok(answer.outcome === "waiting", `${id}: expected waiting, got ${answer.outcome}`);
  s.near(answer.retryInMs, forMs, `how long ${id} waits`);
}

function slow(s: Scene, id: string, forMs: number) {
  const refusal = { kind: "refused", next: "retry", retryInMs: 600_000 } as const;
  const error = { code: 20429, reason: "Too many requests." };
  return s.sendResult(id, 1, { ...refusal, error, slow: { key: RATE_LIMIT.key, forMs } });
}
