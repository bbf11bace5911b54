import type { Charge, Loaded, Plan, Slice } from "../database.ts";
import { type Inbound, isInbound, isOutbound, type Outbound } from "./directions.ts";
import { Held, type Mutable, nameOf } from "./held.ts";
import type {
  AttemptRow,
  ConsentRow,
  ConversationRow,
  CounterRow,
  EventRow,
  KeyKind,
  KeyRow,
  MessageRow,
  RateLimitRow,
  SweepRow,
  TurnRow,
  WorkerRow,
} from "./rows.ts";
import { AheadRows, isAhead, isExpired, voidTimes } from "./rules/clock.ts";

export type Conversation = Mutable<ConversationRow>;
export type Attempt = Mutable<AttemptRow>;
export type Event = Mutable<EventRow>;
export type Turn = Mutable<TurnRow>;
export type RateLimit = Mutable<RateLimitRow>;

/**
 * The rows that one decision sees. The rules read and change them here. The ledger then finds the changes by comparing
 * each row with the loaded one.
 *
 * If a rule reads a slice that its plan does not name, it fails with *judged, but not loaded*.
 */
export class WorkingSet {
  readonly now: number;
  readonly conversations: Held<ConversationRow>;
  readonly messages: Held<MessageRow>;
  readonly attempts: Held<AttemptRow>;
  readonly events: Held<EventRow>;
  readonly turns: Held<TurnRow>;
  readonly keys: Held<KeyRow>;
  readonly consents: Held<ConsentRow>;
  readonly counters: Held<CounterRow>;
  readonly rateLimits: Held<RateLimitRow>;
  readonly sweeps: Held<SweepRow>;
  readonly charges: Charge[] = [];
  readonly alive: Map<string, { readonly scope: string; readonly until: number }> = new Map();
  /** Expired workers that hold something, each with the time at which it expired. */
  readonly expired: ReadonlyMap<string, number>;
  /** Workers that hold something and whose last heartbeat was written by a clock that was ahead. */
  readonly heardAhead: readonly WorkerRow[];
  /** The rows of this decision that were written by a clock ahead of the present one. */
  readonly ahead: AheadRows;
  /** Expired workers from which a rule took a lease or an attempt, each with its `aliveUntil`. */
  readonly reclaimed: Map<string, number> = new Map<string, number>();
  readonly #loaded: Loaded;
  /** Messages by conversation, and conversations by address. Each map is built when a rule first needs it. */
  #messagesOf: Map<string, Mutable<MessageRow>[]> | null = null;
  #byAddress: Map<string, Conversation> | null = null;
  /** The plans that were decided, by their index among the loaded plans. */
  readonly decided: Map<number, Plan> = new Map<number, Plan>();
  #plan: Plan | null = null;
  #index = -1;

  constructor(loaded: Loaded) {
    const { rows } = loaded;
    this.#loaded = loaded;
    this.now = loaded.now;
    this.conversations = new Held(byId, rows.conversations);
    this.messages = new Held(byId, rows.messages);
    this.attempts = new Held(byAttempt, rows.attempts);
    this.events = new Held(byEvent, rows.events);
    this.turns = new Held(byId, rows.turns);
    this.keys = new Held(byKindAndKey, rows.keys);
    this.consents = new Held(byKey, rows.consents);
    this.counters = new Held(byKey, rows.counters);
    this.rateLimits = new Held(byKey, rows.rateLimits);
    this.sweeps = new Held(bySender, rows.sweeps);
    const workers = rows.workers ?? [];
    this.heardAhead = workers.filter(({ writtenAt }) => isAhead(writtenAt, this.now));
    const others = workers.filter((worker) => !this.heardAhead.includes(worker) && isExpired(worker, this.now));
    this.expired = new Map(others.map(({ id, aliveUntil }) => [id, aliveUntil]));
    this.ahead = new AheadRows(this.now);
    voidTimes(this, this.ahead, this.now);
  }

  /** Selects the plan that the following calls decide. */
  turnTo(plan: Plan, index: number): void {
    this.#plan = plan;
    this.#index = index;
    this.decided.set(index, plan);
  }

  /** The answer that is stored for the plan's call, as JSON. */
  storedAnswer(): string | undefined {
    return this.storedAnswerOf(this.#plan?.call ?? "");
  }

  /** The answer that is stored for a call, as JSON. */
  storedAnswerOf(call: string): string | undefined {
    return this.#loaded.answers.get(call);
  }

  /** The conversations of the plan's root, in its order. */
  roots(): Conversation[] {
    return (this.#loaded.found[this.#index] ?? []).flatMap((id) => this.conversations.get(id) ?? []);
  }

  /** The one conversation of the plan's root. */
  root(): Conversation | undefined {
    return this.roots()[0];
  }

  /** The messages of the plan's root, in its order. */
  chosen(): Outbound[] {
    return (this.#loaded.chosen[this.#index] ?? []).flatMap((id) => this.outbound(id) ?? []);
  }

  /** The ids of the conversations of a plan's root. */
  rootIds(index: number): readonly string[] {
    return this.#loaded.found[index] ?? [];
  }

  /** Whether there was no conversation between a line and a person when the rows were loaded. */
  wasAbsentAt(line: string, participantKey: string): boolean {
    const row = this.conversationAt(line, participantKey);
    return row === undefined || !this.conversations.before.has(row.id);
  }

  /** The ids of the conversations that were filed under a consent when the rows were loaded. */
  filedUnder(key: string): string[] {
    const rows = [...this.conversations.before.values()].filter(({ consentKey }) => consentKey === key);
    return rows.map(({ id }) => id);
  }

  /** How many unreadable conversations are filed under a consent. */
  unreadUnder(key: string): number {
    return this.#loaded.corrupt.filter(({ consentKey }) => consentKey === key).length;
  }

  /** Notes that a rule takes a lease or an attempt from an expired worker. */
  reclaimFrom(workerId: string): void {
    const aliveUntil = this.expired.get(workerId);
    if (aliveUntil !== undefined) this.reclaimed.set(workerId, aliveUntil);
  }

  /** @throws TypeError if the plan does not name the slice: that is a bug in the rules. */
  needs(slice: Slice): void {
    if (this.#plan?.slices.includes(slice) === true) return;
    throw new TypeError(`Judged, but not loaded: the plan of ${this.#plan?.call} does not name the slice ${slice}.`);
  }

  conversationAt(line: string, participantKey: string): Conversation | undefined {
    this.#byAddress ??= new Map(
      Array.from(this.conversations.rows.values(), (row) => [nameOf(row.line, row.participantKey), row]),
    );
    return this.#byAddress.get(nameOf(line, participantKey));
  }

  addConversation(row: ConversationRow): Conversation {
    const added = this.conversations.add(row);
    this.#byAddress?.set(nameOf(row.line, row.participantKey), added);
    return added;
  }

  outbound(id: string): Outbound | undefined {
    const row = this.messages.get(id);
    return row !== undefined && isOutbound(row) ? row : undefined;
  }

  addOutbound(row: Outbound): Outbound {
    const added = this.messages.add(row);
    this.#file(added);
    if (!isOutbound(added)) throw new TypeError("An outbound message was added without a status.");
    return added;
  }

  addInbound(row: Inbound): Inbound {
    const added = this.messages.add(row);
    this.#file(added);
    if (!isInbound(added)) throw new TypeError("An inbound message was added with a status.");
    return added;
  }

  #in(conversationId: string): readonly Mutable<MessageRow>[] {
    if (this.#messagesOf === null) {
      this.#messagesOf = new Map();
      for (const row of this.messages.rows.values()) this.#file(row);
    }
    return this.#messagesOf.get(conversationId) ?? [];
  }

  #file(row: Mutable<MessageRow>): void {
    const known = this.#messagesOf?.get(row.conversationId);
    if (known === undefined) this.#messagesOf?.set(row.conversationId, [row]);
    else known.push(row);
  }

  /** The loaded outbound messages of a conversation, by `seq`, without auto-replies. */
  outboundOf(conversationId: string): Outbound[] {
    return this.#in(conversationId)
      .filter((row) => row.origin !== "auto-reply")
      .filter(isOutbound)
      .toSorted(bySeq);
  }

  /** The loaded inbound messages of a conversation, by `seq`. */
  inboundOf(conversationId: string): Inbound[] {
    return this.#in(conversationId).filter(isInbound).toSorted(bySeq);
  }

  /** All parts of a message's group, by part, including the message itself. */
  groupOf(row: Outbound): Outbound[] {
    return this.#in(row.conversationId)
      .filter(isOutbound)
      .filter(({ groupId }) => groupId === row.groupId)
      .toSorted((one, other) => one.part - other.part);
  }

  /** All attempts of a message, the first one first. */
  attemptsOf(row: Outbound): Attempt[] {
    this.needs("attempts");
    const found: Attempt[] = [];
    for (let attempt = 1; attempt <= row.attempts; attempt += 1) {
      const one = this.attempts.get(nameOf(row.id, attempt));
      if (one === undefined) throw new TypeError("Judged, but not loaded: an attempt of a message.");
      found.push(one);
    }
    return found;
  }

  /** All events of an attempt, in the order in which they arrived. */
  eventsOf({ outboundId, attempt }: Attempt): Event[] {
    this.needs("attempts");
    const found: Event[] = [];
    for (let position = 0; ; position += 1) {
      const event = this.events.get(nameOf(outboundId, attempt, position));
      if (event === undefined) return found;
      found.push(event);
    }
  }

  /** The newest messages of a conversation, by `seq`; `null` if the history was not loaded. */
  historyOf({ id }: Conversation): readonly MessageRow[] | null {
    return this.#loaded.histories.get(id) ?? null;
  }

  openTurnOf({ id }: Conversation): Turn | undefined {
    this.needs("open-turn");
    for (const turn of this.turns.rows.values()) {
      if (turn.conversationId === id && turn.outcome === null) return turn;
    }
    return undefined;
  }

  key(kind: KeyKind, key: string): Mutable<KeyRow> | undefined {
    return this.keys.get(nameOf(kind, key));
  }

  addKey(row: KeyRow): void {
    this.keys.add(row);
  }

  /** Marks a worker as alive until a time. A later time that is already set stays. */
  keepAlive({ workerId, scope }: { readonly workerId: string; readonly scope: string }, until: number): void {
    this.alive.set(workerId, { scope, until: Math.max(this.alive.get(workerId)?.until ?? 0, until) });
  }
}

const byId = ({ id }: { readonly id: string }): string => id;
const byKey = ({ key }: { readonly key: string }): string => key;
const bySender = ({ sender }: SweepRow): string => sender;
const byAttempt = ({ outboundId, attempt }: AttemptRow): string => nameOf(outboundId, attempt);
const byEvent = ({ outboundId, attempt, position }: EventRow): string => nameOf(outboundId, attempt, position);
const byKindAndKey = ({ kind, key }: KeyRow): string => nameOf(kind, key);

function bySeq(one: { readonly seq: number }, other: { readonly seq: number }): number {
  return one.seq - other.seq;
}
