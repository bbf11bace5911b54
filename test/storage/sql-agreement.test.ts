import { isDeepStrictEqual } from "node:util";
import { describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import type {
  ClaimedTurn,
  CounterCondition,
  InboundRecord,
  PartRecord,
  SendConditions,
  SendResultRecord,
  StatusRecord,
  Storage,
} from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";

type Call = (storage: Storage) => Promise<unknown>;

const LINES = ["+15550100001", "+15550100002"];
const PEOPLE = ["+15550199001", "+15550199002", "+15550199003"];
const WORKERS = ["w1", "w2"];
const CARRIER_STATUSES = ["accepted", "sent", "delivered", "undelivered", "failed"] as const;
const MINUTE_MS = 60_000;

/** A small generator (mulberry32): the same seed, the same story. */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes up calls that fit what happened before, often enough to be interesting. */
class Story {
  readonly #random: () => number;
  #count = 0;
  readonly leases: { readonly workerId: string; readonly turn: ClaimedTurn }[] = [];
  readonly outbound: string[] = [];
  readonly inbound: InboundRecord[] = [];
  readonly conversations: string[] = [];

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  chance(probability: number): boolean {
    return this.#random() < probability;
  }

  pick<T>(list: readonly T[], fallback: T): T {
    return list[Math.floor(this.#random() * list.length)] ?? fallback;
  }

  id(prefix: string): string {
    this.#count += 1;
    return `${prefix}${this.#count}`;
  }

  upTo(max: number): number {
    return Math.floor(this.#random() * (max + 1));
  }

  parts(prefix: string, min: number): PartRecord[] {
    const count = min + this.upTo(2);
    return Array.from({ length: count }, (_, index) => {
      const id = `${prefix}-${index + 1}`;
      this.outbound.push(id);
      return { id, body: `Part ${id}`, media: [], encoding: "GSM-7", segments: 1 } as const;
    });
  }

  conditions(): SendConditions {
    const counter = (): CounterCondition => ({
      key: this.pick(["day", "hour"], "day"),
      windowMs: MINUTE_MS * (1 + this.upTo(5)),
      max: 3 + this.upTo(6),
      charge: 1,
      full: this.chance(0.5) ? "wait" : "cancel",
      reason: "The counter is full.",
    });
    return {
      consent: this.chance(0.8),
      unpaused: this.chance(0.5),
      delayMs: this.chance(0.1) ? this.upTo(MINUTE_MS) : 0,
      cancel: this.chance(0.05) ? "A condition said so." : null,
      counters: this.chance(0.4) ? [counter()] : [],
    };
  }

  text(): InboundRecord {
    const participant = this.pick(PEOPLE, "");
    const messageId = this.id("m");
    const line = this.pick(LINES, "");
    const states = [null, null, null, null, null, null, null, null, null, null, null, "opted-in", "opted-out"] as const;
    const state = this.pick(states, null);
    return {
      key: `key:${messageId}`,
      messageId,
      conversationId: this.id("c"),
      line,
      sender: line,
      participant,
      consentKey: `consent:${participant}`,
      origin: "webhook",
      carrierId: `SM-${messageId}`,
      body: `Text ${messageId}`,
      media: [],
      occurredAt: this.chance(0.3) ? 1_000 : null,
      needsAnswer: state === null && this.chance(0.9),
      debounceMs: this.upTo(3_000),
      maxWaitMs: 5_000,
      consent: state === null ? null : { state, source: "word" },
      autoReply: this.chance(0.3) ? this.autoReply() : null,
    };
  }

  autoReply(): InboundRecord["autoReply"] {
    const id = this.id("a");
    this.outbound.push(id);
    const part = { id, body: "Hold on.", media: [], encoding: "GSM-7", segments: 1 } as const;
    return { ...part, conditions: this.conditions() };
  }

  result(): SendResultRecord {
    const error = { code: 30_001 + this.upTo(1), reason: "The carrier said no." };
    const roll = this.#random();
    if (roll < 0.4) {
      const carrierId = this.chance(0.9) ? this.id("SM") : `SM${this.upTo(this.#count)}`;
      return { kind: "accepted", carrierId, status: this.pick(CARRIER_STATUSES, "accepted") };
    }
    if (roll < 0.7) return { kind: "unknown", windowMs: this.upTo(MINUTE_MS), error };
    const next = this.pick(["retry", "retry", "retry", "fail", "opt-out"] as const, "retry");
    return { kind: "refused", next, retryInMs: next === "retry" ? this.upTo(MINUTE_MS) : 0, error };
  }

  status(): Omit<StatusRecord, "op"> {
    const status = this.pick(CARRIER_STATUSES, "sent");
    const isByAttempt = this.chance(0.7);
    return {
      outboundId: isByAttempt ? this.pick(this.outbound, "o0") : null,
      attempt: isByAttempt ? 1 + this.upTo(1) : null,
      carrierId: `SM${this.upTo(this.#count)}`,
      status,
      rawStatus: status,
      error: status === "failed" ? { code: this.chance(0.5) ? 30_003 : null, reason: "Unreachable." } : null,
      optOut: this.chance(0.05),
    };
  }

  next(): Call {
    const op = this.id("op");
    const roll = this.#random();
    const workerId = this.pick(WORKERS, "w1");
    const leaseMs = this.pick([MINUTE_MS, MINUTE_MS / 6], MINUTE_MS);
    if (roll < 0.16) {
      const text = this.chance(0.1) ? this.pick(this.inbound, this.text()) : this.text();
      this.inbound.push(text);
      return (storage) => storage.recordInbound(text);
    }
    if (roll < 0.24) return this.post();
    if (roll < 0.34) return (storage) => storage.claimTurn({ op, workerId, leaseMs });
    if (roll < 0.45) return this.endTurn(op);
    if (roll < 0.5) return (storage) => storage.heartbeat({ op, workerId, leaseMs, unknownWindowMs: 5_000 });
    const outboundId = this.pick(this.outbound, "o0");
    if (roll < 0.72) {
      const claim = {
        op,
        workerId,
        leaseMs,
        outboundId,
        orderWaitMs: this.upTo(5_000),
        conditions: this.conditions(),
      };
      return (storage) => storage.claimSend(claim);
    }
    if (roll < 0.82) {
      const result = this.result();
      const attempt = 1 + this.upTo(1);
      return (storage) => storage.recordSend({ op, outboundId, attempt, result });
    }
    if (roll < 0.9) {
      const report = { op, ...this.status() };
      return (storage) => storage.recordStatus(report);
    }
    if (roll < 0.93) {
      const decision = this.pick(["resend", "hold", "drop"] as const, "resend");
      return (storage) => storage.resolveUnknown({ op, outboundId, decision, reason: "No witness." });
    }
    return this.rare(op, workerId);
  }

  post(): Call {
    const groupId = this.id("g");
    const line = this.pick(LINES, "");
    const participant = this.pick(PEOPLE, "");
    const post = {
      key: this.chance(0.2) ? "again" : groupId,
      groupId,
      conversationId: this.id("c"),
      line,
      sender: line,
      participant,
      consentKey: `consent:${participant}`,
      origin: "api",
      parts: this.parts(groupId, 1),
      expiryMs: this.chance(0.3) ? MINUTE_MS : 100 * MINUTE_MS,
    } as const;
    return (storage) => storage.recordOutbound(post);
  }

  endTurn(op: string): Call {
    const lease = this.chance(0.85) ? this.leases.pop() : this.leases[0];
    if (lease === undefined) return (storage) => storage.claimTurn({ op, workerId: "w1", leaseMs: MINUTE_MS });
    const { workerId, turn } = lease;
    const held = { op, workerId, conversationId: turn.conversation.id, turnId: turn.turn.id, fence: turn.fence };
    if (this.chance(0.35)) {
      const reason = this.pick(["failed", "superseded", "stopped"] as const, "failed");
      const retryInMs = this.upTo(20_000);
      return (storage) => storage.releaseTurn({ ...held, reason, retryInMs });
    }
    const commit = {
      ...held,
      throughSeq: turn.turn.throughSeq,
      outcome: this.pick(["replied", "fallback", "silent", "handed-off"] as const, "replied"),
      supersede: this.chance(0.5),
      pause: this.chance(0.1),
      parts: this.parts(turn.turn.id, 0),
      expiryMs: 10 * MINUTE_MS,
    };
    return (storage) => storage.commitTurn(commit);
  }

  rare(op: string, workerId: string): Call {
    const conversationId = this.pick(this.conversations, "c0");
    const roll = this.#random();
    if (roll < 0.6) {
      const change = { op, conversationId, paused: this.chance(0.4), skipPending: this.chance(0.5) };
      return (storage) => storage.setPaused(change);
    }
    if (roll < 0.65) {
      const order = { op, participant: this.pick(PEOPLE, ""), line: this.chance(0.5) ? null : this.pick(LINES, "") };
      return (storage) => storage.erase(order);
    }
    if (roll < 0.8) {
      const order = { op, olderThanMs: this.upTo(5 * MINUTE_MS), limit: 1 + this.upTo(3) };
      return (storage) => storage.purge(order);
    }
    const sender = this.pick(LINES, "");
    if (roll < 0.9) return (storage) => storage.claimSweep({ op, workerId, sender, everyMs: 10_000, leaseMs: 5_000 });
    const commit = { op, sender, fence: this.upTo(3), watermark: this.upTo(1_000) };
    return (storage) => storage.commitSweep(commit);
  }
}

/** Lists whose order the port leaves open, in one order. */
function comparable(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, entry]): [string, unknown] => {
    const isOpen = key === "cancelled" || key === "unsettled" || key === "leases";
    return [key, isOpen && Array.isArray(entry) ? entry.toSorted((a, b) => (idOf(a) < idOf(b) ? -1 : 1)) : entry];
  });
  return Array.isArray(value) ? value : Object.fromEntries(entries);
}

function idOf(value: unknown): string {
  if (typeof value !== "object" || value === null) return "";
  return "id" in value ? String(value.id) : "conversationId" in value ? String(value.conversationId) : "";
}

async function everything(storage: Storage, story: Story): Promise<unknown[]> {
  const seen: unknown[] = [await storage.due(1), await storage.due(100)];
  const { conversations } = await storage.conversations({ limit: 100 });
  seen.push(conversations);
  for (const { id } of conversations) {
    seen.push(await storage.messages({ conversationId: id, limit: 100, after: 0 }));
    seen.push(await storage.messages({ conversationId: id, limit: 3, before: 9 }));
    seen.push(await storage.changes({ conversationId: id, limit: 100, after: 0 }));
  }
  for (const id of [...story.inbound.map((text) => text.messageId), ...story.outbound]) {
    seen.push(await storage.story(id));
  }
  for (const participant of PEOPLE) seen.push(await storage.consent(`consent:${participant}`));
  return seen;
}

const reached = new Set<string>();

function outcomeOf(result: unknown): string {
  if (typeof result !== "object" || result === null) return String(result);
  if (!("outcome" in result)) return "waitedMs" in result ? "turn" : "";
  const isOvertaking = "overtook" in result && Array.isArray(result.overtook) && result.overtook.length > 0;
  return isOvertaking ? "overtaken" : String(result.outcome);
}

/** Plays one story on both, and returns where they differ: nowhere, it is hoped. */
async function differences(seed: number, calls: number): Promise<unknown[]> {
  const clock = manualClock();
  const reference = memory({ clock });
  const storage = sqlite(":memory:", { clock });
  await storage.open();
  const story = new Story(seed);
  const found: unknown[] = [];
  let last: Call | null = null;
  for (let count = 0; count < calls; count += 1) {
    if (story.chance(0.3)) await clock.advance(story.upTo(15_000));
    const call: Call = last !== null && story.chance(0.05) ? last : story.next();
    const expected = await call(reference);
    const actual = await call(storage);
    const where = `call ${count}, ${call}`;
    if (!isDeepStrictEqual(comparable(actual), comparable(expected))) found.push({ where, expected, actual });
    learn(story, expected);
    reached.add(outcomeOf(expected));
    last = isKept(expected) ? call : null;
    if (count % 10 === 9) found.push(...(await unlike(reference, storage, story, where)));
    if (found.length > 0) break;
  }
  await storage.close();
  return found;
}

async function unlike(reference: Storage, storage: Storage, story: Story, where: string): Promise<unknown[]> {
  const [expected, actual] = [await everything(reference, story), await everything(storage, story)];
  return expected
    .map((entry, index) => ({ where, expected: entry, actual: actual[index] }))
    .filter((entry) => !isDeepStrictEqual(entry.actual, entry.expected));
}

/** Whether a repetition has to answer the same; else it may be judged anew. */
function isKept(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return false;
  return !("outcome" in result && ["lost", "gone", "unmatched"].includes(String(result.outcome)));
}

/** Remembers what later calls can refer to. */
function learn(story: Story, result: unknown): void {
  if (typeof result !== "object" || result === null) return;
  if ("waitedMs" in result && "turn" in result) {
    const turn = result as ClaimedTurn;
    story.leases.push({ workerId: "w1", turn }, { workerId: "w2", turn });
  }
  if ("conversation" in result && typeof result.conversation === "object" && result.conversation !== null) {
    if ("id" in result.conversation) story.conversations.push(String(result.conversation.id));
  }
}

describe("SQLite and the reference in memory", () => {
  /** Where a dead worker's text was once left in `sending`, and where an auto-reply once passed the gate. */
  const telling = [9130, 9433];
  const seeds = [...Array.from({ length: 40 }, (_, seed) => seed + 1), ...telling];
  it.each(seeds)("answer alike to the same made-up story (%i)", async (seed) => {
    expect(await differences(seed, 250)).toEqual([]);
  });

  it("met every outcome in these stories", () => {
    const turns = ["turn", "committed", "superseded", "lost"];
    const sends = ["claimed", "overtaken", "waiting", "cancelled", "gone"];
    const records = ["recorded", "repeated", "erased", "opted-out", "unmatched"];
    expect([...reached]).toEqual(expect.arrayContaining([...turns, ...sends, ...records]));
  });
});
