import { isDeepStrictEqual } from "node:util";
import type {
  ClaimedTurn,
  CounterCondition,
  InboundRecord,
  PartRecord,
  RateLimitCondition,
  SendConditions,
  SendResultRecord,
  StatusRecord,
  Storage,
} from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { consentKeyOf } from "../../src/testing/contracts/storage/terms.ts";

/** Two ledgers, both empty and open, on one clock. */
export interface Pair {
  readonly reference: Storage;
  readonly storage: Storage;
  /** Moves the clock of both. */
  advance(ms: number): Promise<void>;
}

export type Call = (storage: Storage) => Promise<unknown>;

const LINES = ["+15550100001", "+15550100002"];
/** Two of them are one person, whose number is written in two ways. */
const PEOPLE = ["+15550199001", "+15550199002", "+5511987654321", "+551187654321"];
const WORKERS = ["w1", "w2"];
const PROVIDER_STATUSES = ["accepted", "sent", "delivered", "undelivered", "failed"] as const;
const RATE_LIMITS = ["slow", "slower"];
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
export class Story {
  readonly #random: () => number;
  #count = 0;
  /** The latest time that was seen. */
  #latest = 0;
  readonly leases: { readonly workerId: string; readonly turn: ClaimedTurn }[] = [];
  readonly outbound: string[] = [];
  readonly inbound: InboundRecord[] = [];
  readonly conversations: string[] = [];
  readonly turns: string[] = [];

  constructor(seed: number) {
    this.#random = randomFrom(seed);
  }

  see(time: number): void {
    this.#latest = Math.max(this.#latest, time);
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
      return {
        id,
        body: this.chance(0.5) ? "Hold on." : `Part ${id}`,
        media: [],
        encoding: "GSM-7",
        segments: 1,
      } as const;
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
      rateLimit: this.chance(0.5) ? this.rateLimit() : null,
    };
  }

  rateLimit(): RateLimitCondition {
    return { key: this.pick(RATE_LIMITS, "slow"), costMs: 1 + this.upTo(20_000), reason: "The sender is busy." };
  }

  consent(): InboundRecord["consent"] {
    if (this.chance(0.85)) return null;
    const change = { state: this.pick(["opted-in", "opted-out"] as const, "opted-in"), source: "word" } as const;
    return this.chance(0.5) ? change : { ...change, unlessSince: this.upTo(this.#latest) };
  }

  text(): InboundRecord {
    const participant = this.pick(PEOPLE, "");
    const messageId = this.id("m");
    const line = this.pick(LINES, "");
    const consent = this.consent();
    return {
      key: `key:${messageId}`,
      messageId,
      conversationId: this.id("c"),
      scope: "default",
      line,
      sender: line,
      participant,
      consentKey: consentKeyOf(participant),
      origin: this.chance(0.8) ? "webhook" : "simulated",
      providerMessageId: `SM-${messageId}`,
      body: `Text ${messageId}`,
      media: [],
      occurredAt: this.chance(0.3) ? 1_000 : null,
      needsAnswer: consent === null && this.chance(0.9),
      debounceMs: this.upTo(3_000),
      maxWaitMs: 5_000,
      consent,
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
    const error = { code: 30_001 + this.upTo(1), reason: "The provider said no." };
    const roll = this.#random();
    if (roll < 0.4) {
      const providerMessageId = this.chance(0.9) ? this.id("SM") : `SM${this.upTo(this.#count)}`;
      return { kind: "accepted", providerMessageId, status: this.pick(PROVIDER_STATUSES, "accepted") };
    }
    if (roll < 0.6) return { kind: "unknown", lookInMs: this.upTo(MINUTE_MS), error };
    if (roll < 0.7) {
      return {
        kind: "found",
        providerMessageId: `SM${this.upTo(this.#count)}`,
        status: this.pick(PROVIDER_STATUSES, "sent"),
      };
    }
    if (roll < 0.8) {
      const asOf = this.chance(0.5) ? this.upTo(MINUTE_MS) : null;
      return { kind: "unseen", lookInMs: this.upTo(MINUTE_MS), asOf };
    }
    const next = this.pick(["retry", "retry", "retry", "fail", "opt-out"] as const, "retry");
    const retryInMs = next === "retry" ? this.upTo(MINUTE_MS) : 0;
    const backOff = { key: this.pick(RATE_LIMITS, "slow"), forMs: this.upTo(20_000) };
    return { kind: "refused", next, retryInMs, error, ...(this.chance(0.3) ? { backOff } : {}) };
  }

  status(): Omit<StatusRecord, "callId"> {
    const status = this.pick(PROVIDER_STATUSES, "sent");
    const isByAttempt = this.chance(0.7);
    return {
      outboundId: isByAttempt ? this.pick(this.outbound, "o0") : null,
      attempt: isByAttempt ? 1 + this.upTo(1) : null,
      providerMessageId: `SM${this.upTo(this.#count)}`,
      status,
      rawStatus: status,
      error: status === "failed" ? { code: this.chance(0.5) ? 30_003 : null, reason: "Unreachable." } : null,
      optOut: this.chance(0.05),
    };
  }

  next(): Call {
    const callId = this.id("call");
    const roll = this.#random();
    const workerId = this.pick(WORKERS, "w1");
    const leaseMs = this.pick([MINUTE_MS, MINUTE_MS / 6], MINUTE_MS);
    if (roll < 0.16) {
      const text = this.chance(0.1) ? this.pick(this.inbound, this.text()) : this.text();
      this.inbound.push(text);
      return (storage) => storage.recordInbound(text);
    }
    if (roll < 0.24) return this.post();
    if (roll < 0.34) return (storage) => claimOne(storage, { scope: "default", callId, workerId, leaseMs });
    if (roll < 0.45) return this.endTurn(callId);
    if (roll < 0.5)
      return (storage) => storage.heartbeat({ scope: "default", callId, workerId, leaseMs, lookInMs: 5_000 });
    const outboundId = this.pick(this.outbound, "o0");
    if (roll < 0.72) {
      const claim = {
        scope: "default",
        callId,
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
      return (storage) => storage.recordSend({ callId, outboundId, attempt, result });
    }
    if (roll < 0.9) {
      const report = { callId, ...this.status() };
      return (storage) => storage.recordStatus(report);
    }
    if (roll < 0.93) {
      const resolution = {
        callId,
        outboundId,
        attempts: this.chance(0.5) ? null : 1 + this.upTo(1),
        from: this.pick([["unknown"], ["held"], ["unknown", "held"]] as const, ["unknown"]),
        decision: this.pick(["resend", "resend", "sent", "hold", "drop"] as const, "resend"),
        reason: "No evidence.",
        expiryMs: this.upTo(10 * MINUTE_MS),
      } as const;
      return (storage) => storage.resolve(resolution);
    }
    if (roll < 0.96) return this.repair(callId);
    return this.rare(callId, workerId);
  }

  post(): Call {
    const groupId = this.id("g");
    const line = this.pick(LINES, "");
    const participant = this.pick(PEOPLE, "");
    const post = {
      key: this.chance(0.2) ? "again" : groupId,
      groupId,
      conversationId: this.id("c"),
      scope: "default",
      line,
      sender: line,
      participant,
      consentKey: consentKeyOf(participant),
      origin: "api",
      content: "digest",
      parts: this.parts(groupId, 1),
      expiryMs: this.chance(0.3) ? MINUTE_MS : 100 * MINUTE_MS,
    } as const;
    return (storage) => storage.recordOutbound(post);
  }

  endTurn(callId: string): Call {
    const lease = this.chance(0.85) ? this.leases.pop() : this.leases[0];
    if (lease === undefined)
      return (storage) => claimOne(storage, { scope: "default", callId, workerId: "w1", leaseMs: MINUTE_MS });
    const { workerId, turn } = lease;
    const held = { callId, workerId, conversationId: turn.conversation.id, turnId: turn.turn.id, fence: turn.fence };
    if (this.chance(0.35)) {
      const reason = this.pick(["failed", "superseded", "stopped"] as const, "failed");
      const retryInMs = this.upTo(20_000);
      return (storage) => storage.releaseTurn({ ...held, reason, retryInMs });
    }
    this.turns.push(turn.turn.id);
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

  repair(callId: string): Call {
    const roll = this.#random();
    if (roll < 0.5) {
      const turnId = this.chance(0.9) ? (this.turns.at(-1) ?? "t0") : this.pick(this.turns, "t0");
      return (storage) => storage.requeueTurn({ callId, turnId });
    }
    if (roll < 0.75) {
      const suspicion = { scope: "default", callId, limit: 1 + this.upTo(2), lookInMs: this.upTo(MINUTE_MS) };
      return (storage) => storage.markUnknown(suspicion);
    }
    const outboundId = this.pick(this.outbound, "o0");
    const providerMessageIds = Array.from({ length: this.upTo(3) }, () => `SM${this.upTo(this.#count)}`);
    return (storage) => storage.competingAttempts({ outboundId, providerMessageIds });
  }

  rare(callId: string, workerId: string): Call {
    const conversationId = this.pick(this.conversations, "c0");
    const roll = this.#random();
    if (roll < 0.6) {
      const change = { callId, conversationId, paused: this.chance(0.4), skipUnanswered: this.chance(0.5) };
      return (storage) => storage.setPaused(change);
    }
    if (roll < 0.65) {
      const order = {
        callId,
        participant: this.pick(PEOPLE, ""),
        line: this.chance(0.5) ? null : this.pick(LINES, ""),
      };
      return (storage) => storage.erase(order);
    }
    if (roll < 0.8) {
      const order = { callId, olderThanMs: this.upTo(5 * MINUTE_MS), limit: 1 + this.upTo(3) };
      return (storage) => storage.purge(order);
    }
    const sender = this.pick(LINES, "");
    if (roll < 0.9)
      return (storage) => storage.claimSweep({ callId, workerId, sender, everyMs: 10_000, leaseMs: 5_000 });
    const commit = { callId, sender, fence: this.upTo(3), watermark: this.upTo(1_000) };
    return (storage) => storage.commitSweep(commit);
  }
}

/** Lists whose order the port leaves open, in one order. */
export function comparable(value: unknown): unknown {
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
  const work = await storage.due({ scope: "default", workerId: "w1", limit: 100 });
  const seen: unknown[] = [await storage.due({ scope: "default", workerId: "w1", limit: 1 }), work];
  for (const { message, unknown } of work.messages) {
    if (unknown === null) continue;
    seen.push(await storage.competingAttempts({ outboundId: message.id, providerMessageIds: ["SM1", "SM2", "SM3"] }));
  }
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
  for (const participant of PEOPLE) seen.push(await storage.consent(consentKeyOf(participant)));
  return seen;
}

export function outcomeOf(result: unknown): string {
  if (typeof result !== "object" || result === null) return String(result);
  if (Array.isArray(result)) return result.some((one) => one.status === "unknown") ? "marked-unknown" : "";
  if ("known" in result && "attempts" in result && Array.isArray(result.attempts)) {
    return result.attempts.length > 1 ? "competingAttempts" : "";
  }
  if (!("outcome" in result)) return "waitedMs" in result ? "turn" : "";
  if ("reason" in result && result.reason === "The sender is busy.") return "rate-limited";
  const isOvertaking = "overtook" in result && Array.isArray(result.overtook) && result.overtook.length > 0;
  return isOvertaking ? "overtaken" : String(result.outcome);
}

/** How two ledgers got on with one story. */
export interface Agreement {
  /** Where they differ: nowhere, it is hoped. */
  readonly differences: readonly unknown[];
  /** The outcomes that the story met. */
  readonly reached: ReadonlySet<string>;
}

/** Plays one made-up story on both ledgers: the same seed, the same story. */
export async function agreement(pair: Pair, seed: number, calls: number): Promise<Agreement> {
  const { reference, storage } = pair;
  const reached = new Set<string>();
  const story = new Story(seed);
  const found: unknown[] = [];
  let last: Call | null = null;
  for (let count = 0; count < calls; count += 1) {
    if (story.chance(0.3)) await pair.advance(story.upTo(15_000));
    const call: Call = last !== null && story.chance(0.05) ? last : story.next();
    const expected = await call(reference);
    const actual = await call(storage);
    const where = `call ${count}, ${call}`;
    if (!isDeepStrictEqual(comparable(actual), comparable(expected))) found.push({ where, expected, actual });
    learn(story, expected);
    reached.add(outcomeOf(expected));
    last = isKept(expected) ? call : null;
    if (count % 10 === 9) found.push(...(await unlike(pair, story, where, reached)));
    if (found.length > 0) break;
  }
  return { differences: found, reached };
}

async function unlike(
  { reference, storage }: Pair,
  story: Story,
  where: string,
  reached: Set<string>,
): Promise<unknown[]> {
  const [expected, actual] = [await everything(reference, story), await everything(storage, story)];
  for (const entry of expected) reached.add(outcomeOf(entry));
  return expected
    .map((entry, index) => ({ where, expected: entry, actual: actual[index] }))
    .filter((entry) => !isDeepStrictEqual(entry.actual, entry.expected));
}

/** Whether a repetition has to answer the same; else it may be judged anew. */
export function isKept(result: unknown): boolean {
  if (typeof result !== "object" || result === null) return false;
  return !("outcome" in result && ["lost", "gone", "unmatched"].includes(String(result.outcome)));
}

/** Remembers what later calls can refer to. */
export function learn(story: Story, result: unknown): void {
  if (typeof result !== "object" || result === null) return;
  if ("waitedMs" in result && "turn" in result) {
    const turn = result as ClaimedTurn;
    story.leases.push({ workerId: "w1", turn }, { workerId: "w2", turn });
  }
  if ("message" in result && typeof result.message === "object" && result.message !== null) {
    if ("createdAt" in result.message) story.see(Number(result.message.createdAt));
  }
  if ("conversation" in result && typeof result.conversation === "object" && result.conversation !== null) {
    if ("id" in result.conversation) story.conversations.push(String(result.conversation.id));
  }
}

/** What enough stories together have to meet. */
export const OUTCOMES: readonly string[] = [
  ["turn", "committed", "superseded", "lost"],
  ["claimed", "overtaken", "waiting", "rate-limited", "cancelled", "gone"],
  ["recorded", "repeated", "erased", "opted-out", "unmatched"],
  ["requeued", "newer", "not-failed", "marked-unknown", "competingAttempts"],
].flat();
