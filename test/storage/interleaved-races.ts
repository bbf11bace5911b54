import { isDeepStrictEqual } from "node:util";
import type { InboundRecord, SendConditions, Storage } from "../../src/storage/storage.ts";
import { claimOne, Scene } from "../../src/testing/contracts/storage/scene.ts";
import { FREE, LEASE_MS } from "../../src/testing/contracts/storage/terms.ts";
import { diceOf } from "../../src/testing/simulation/dice.ts";
import { sharedLedger } from "./interleaved-story.ts";

type Call = (storage: Storage) => Promise<unknown>;

/** Two calls that read what the other one writes, each in a process of its own. */
export interface Race {
  readonly name: string;
  /** Both are one call: it must get one answer. */
  readonly isOneCall?: true;
  /** Prepares the ledger. */
  calls(scene: Scene): Promise<readonly [Call, Call]>;
}

const OTHER_LINE = "+15550100002";
const OTHER_PERSON = "+15550199002";
const ON_OTHER_LINE = { line: OTHER_LINE, sender: OTHER_LINE } as const;
const RATE_LIMITED: SendConditions = {
  ...FREE,
  rateLimit: { key: "rateLimit", costMs: 1_000, reason: "The sender is busy." },
};
const COUNTED: SendConditions = {
  ...FREE,
  counters: [{ key: "day", windowMs: 60_000, max: 1, charge: 1, full: "cancel", reason: "The counter is full." }],
};

/** One for each kind of guard, and for each way in which rows of two conversations belong together. */
export const RACES: readonly Race[] = [
  {
    name: "the first texts of a person",
    calls: async (s) => [recording(s.text()), recording(s.text())],
  },
  {
    name: "one text that two webhooks bring to two lines",
    async calls(s) {
      const text = s.text();
      return [recording(text), recording({ ...text, ...ON_OTHER_LINE, conversationId: s.id("c") })];
    },
  },
  {
    name: "one call that is made twice",
    isOneCall: true,
    async calls(s) {
      await s.texted();
      await s.advance(LEASE_MS);
      const claim = { scope: "default", callId: s.id("call"), workerId: "w1", leaseMs: LEASE_MS };
      return [(storage) => claimOne(storage, claim), (storage) => claimOne(storage, claim)];
    },
  },
  {
    name: "one call for a search that is made twice",
    isOneCall: true,
    async calls(s) {
      const claim = { callId: s.id("call"), workerId: "w1", sender: OTHER_LINE, everyMs: 1_000, leaseMs: 1_000 };
      return [(storage) => storage.claimSweep(claim), (storage) => storage.claimSweep(claim)];
    },
  },
  {
    name: "two claims of one turn",
    async calls(s) {
      await s.texted();
      await s.advance(LEASE_MS);
      return [claimingTurn(s, "w1"), claimingTurn(s, "w2")];
    },
  },
  {
    name: "a claim of a turn, and a takeover",
    async calls(s) {
      const { conversation } = await s.texted();
      await s.advance(LEASE_MS);
      const change = {
        callId: s.id("call"),
        conversationId: conversation?.id ?? "",
        paused: true,
        skipUnanswered: false,
      };
      return [claimingTurn(s, "w1"), (storage) => storage.setPaused(change)];
    },
  },
  {
    name: "a STOP, and a message in the person's other conversation",
    async calls(s) {
      await s.texted();
      await s.texted(ON_OTHER_LINE);
      const post = s.post(ON_OTHER_LINE);
      return [recording(s.stop()), (storage) => storage.recordOutbound(post)];
    },
  },
  {
    name: "two messages to two people under one key",
    async calls(s) {
      const [key, one, other] = [s.id("key"), s.id("content"), s.id("content")];
      const posts = [
        s.post({ key, content: one }),
        s.post({ key, content: other, participant: OTHER_PERSON }),
      ] as const;
      return [(storage) => storage.recordOutbound(posts[0]), (storage) => storage.recordOutbound(posts[1])];
    },
  },
  {
    name: "a repeated STOP, and a message that is sent again in the person's other conversation",
    async calls(s) {
      const id = await s.waiting(ON_OTHER_LINE);
      await s.lose(id, await s.sending(id));
      await s.storage.recordInbound(s.stop());
      const resolution = s.resolutionOf(id, "resend");
      return [recording(s.stop()), (storage) => storage.resolve(resolution)];
    },
  },
  {
    name: "a repeated STOP, and the person's first text to another line",
    async calls(s) {
      await s.storage.recordInbound(s.stop());
      return [recording(s.stop()), recording(s.text(ON_OTHER_LINE))];
    },
  },
  {
    name: "a START, and a refusal in the person's other conversation",
    async calls(s) {
      const id = await s.waiting(ON_OTHER_LINE);
      const attempt = await s.sending(id);
      await s.advance(1);
      const error = { code: 21610, reason: "The provider refused it." };
      const result = { kind: "refused", next: "opt-out", retryInMs: 0, error } as const;
      const record = { callId: s.id("call"), outboundId: id, attempt, result };
      return [recording(s.start()), (storage) => storage.recordSend(record)];
    },
  },
  {
    name: "a START, and a text on the person's other line",
    async calls(s) {
      await s.texted(ON_OTHER_LINE);
      await s.storage.recordInbound(s.stop());
      return [recording(s.start()), recording(s.text(ON_OTHER_LINE))];
    },
  },
  {
    name: "one provider's id for messages of two conversations",
    async calls(s) {
      const ids = [await s.waiting(), await s.waiting({ participant: OTHER_PERSON })] as const;
      const attempts = [await s.sending(ids[0]), await s.sending(ids[1])] as const;
      await s.lose(ids[0], attempts[0]);
      await s.lose(ids[1], attempts[1]);
      const found = { kind: "found", providerMessageId: "SM-one", status: "sent" } as const;
      const records = [
        { callId: s.id("call"), outboundId: ids[0], attempt: attempts[0], result: found },
        { callId: s.id("call"), outboundId: ids[1], attempt: attempts[1], result: found },
      ] as const;
      return [(storage) => storage.recordSend(records[0]), (storage) => storage.recordSend(records[1])];
    },
  },
  {
    name: "two messages at one rate limit",
    calls: (s) => claimingTwo(s, RATE_LIMITED),
  },
  {
    name: "two messages at a counter that has room for one",
    calls: (s) => claimingTwo(s, COUNTED),
  },
  {
    name: "two claims of one search",
    async calls(s) {
      const claim = (workerId: string): Call => {
        const claimed = { callId: s.id("call"), workerId, sender: OTHER_LINE, everyMs: 1_000, leaseMs: 1_000 };
        return (storage) => storage.claimSweep(claimed);
      };
      return [claim("w1"), claim("w2")];
    },
  },
  {
    name: "the heartbeat of an expired worker, and the one that reclaims its turn",
    async calls(s) {
      await s.texted();
      await s.claimed("w1");
      await s.advance(LEASE_MS + 1);
      return [beating(s, "w1"), beating(s, "w2")];
    },
  },
];

function recording(record: InboundRecord): Call {
  return (storage) => storage.recordInbound(record);
}

function claimingTurn(scene: Scene, workerId: string): Call {
  const claim = { scope: "default", callId: scene.id("call"), workerId, leaseMs: LEASE_MS };
  return (storage) => claimOne(storage, claim);
}

function beating(scene: Scene, workerId: string): Call {
  const heartbeat = { scope: "default", callId: scene.id("call"), workerId, leaseMs: LEASE_MS, lookInMs: 1_000 };
  return (storage) => storage.heartbeat(heartbeat);
}

async function claimingTwo(scene: Scene, conditions: SendConditions): Promise<readonly [Call, Call]> {
  const ids = [await scene.waiting(), await scene.waiting({ participant: OTHER_PERSON })] as const;
  const [one, other] = [scene.sendClaim(ids[0], { conditions }), scene.sendClaim(ids[1], { conditions })];
  return [(storage) => storage.claimSend(one), (storage) => storage.claimSend(other)];
}

/**
 * Runs a race once, at another rate limit for each seed. `inOneProcess`: both calls may be of one group. Returns what
 * is wrong with it.
 */
export async function runRace(
  race: Race,
  seed: number,
  { inOneProcess }: { readonly inOneProcess: boolean },
): Promise<{ readonly faults: readonly unknown[]; readonly moved: number }> {
  const { clock, memory, open } = sharedLedger(diceOf(seed), { failing: 0, losing: 0 });
  const one = open();
  const other = inOneProcess ? one : open();
  const calls = await race.calls(
    new Scene({ storage: one, advance: (ms) => clock.advance(ms), dispose: async () => {} }, other, 0),
  );
  const answers = await Promise.all([calls[0](one), calls[1](other)]);
  const isUnlike = race.isOneCall === true && !isDeepStrictEqual(answers[0], answers[1]);
  const { oracle, counts } = memory;
  const moved = [...counts.moved.values()].reduce((sum, count) => sum + count, 0);
  return { faults: isUnlike ? [...oracle.faults, { kind: "two answers to one call", answers }] : oracle.faults, moved };
}
