import type { Loaded, Plan, Root } from "../database.ts";
import { nameOf } from "../ledger/held.ts";
import type { AttemptRow, EventRow, MessageRow, TurnRow } from "../ledger/rows.ts";
import { isQueued, isStoppable } from "../ledger/rules/order.ts";
import type { Conversation, Message } from "./entries.ts";
import { type Found, rootOf } from "./roots.ts";
import { firstIndex } from "./sorted-index.ts";
import type { MemoryTables } from "./tables.ts";

/** Loads only the rows that plans name. */
export function load(tables: MemoryTables, plans: readonly Plan[], now: number): Loaded {
  const loading = new Loading(tables, now);
  const found: string[][] = [];
  const chosen: string[][] = [];
  for (const plan of plans) {
    const { conversations, messages } = loading.plan(plan);
    found.push(conversations.map(({ row }) => row.id));
    chosen.push(messages.map(({ row }) => row.id));
  }
  return { ...loading.loaded(), found, chosen, corrupt: [] };
}

class Loading {
  readonly #tables: MemoryTables;
  readonly #now: number;
  readonly #conversations = new Set<Conversation>();
  readonly #messages = new Set<Message>();
  readonly #withAttempts: Message[] = [];
  readonly #turns = new Map<string, TurnRow>();
  readonly #expired: string[] = [];
  readonly #consents: string[] = [];
  readonly #keys: string[] = [];
  readonly #counters: string[] = [];
  readonly #rateLimits: string[] = [];
  readonly #sweeps: string[] = [];
  readonly #answers = new Map<string, string>();
  readonly #histories = new Map<string, readonly MessageRow[]>();

  constructor(tables: MemoryTables, now: number) {
    this.#tables = tables;
    this.#now = now;
  }

  plan(plan: Plan): Found {
    const { call, root, slices, consents = [], keys = [], counters = [], rateLimits = [], sweeps = [] } = plan;
    const stored = this.#tables.answers.get(call);
    if (stored !== undefined) this.#answers.set(call, stored);
    for (const key of consents) this.#consents.push(key);
    for (const { kind, key } of keys) this.#keys.push(nameOf(kind, key));
    for (const key of counters) this.#counters.push(key);
    for (const key of rateLimits) this.#rateLimits.push(key);
    for (const key of sweeps) this.#sweeps.push(key);
    const found = rootOf(this.#tables, root, this.#now);
    this.#addTurn(found.turn);
    this.#expired.push(...(found.expired ?? []));
    for (const conversation of found.conversations) this.#conversations.add(conversation);
    for (const message of found.messages) this.#messages.add(message);
    for (const slice of slices) this.#slice(slice, plan, found);
    return found;
  }

  #slice(slice: Plan["slices"][number], plan: Plan, found: Found): void {
    switch (slice) {
      case "attempts":
        for (const message of found.messages) this.#withAttempts.push(message);
        break;
      case "group":
        for (const { row } of found.messages) {
          for (const part of this.#tables.groups.get(row.groupId ?? "") ?? []) this.#messages.add(part);
        }
        break;
      case "turn":
        for (const { row } of found.messages) this.#addTurn(this.#tables.turns.get(row.turnId ?? ""));
        break;
      case "queue":
        for (const conversation of found.conversations) this.#queue(conversation, found.messages);
        break;
      case "stoppable":
        this.#stoppable(plan, found);
        break;
      case "unanswered":
        for (const conversation of found.conversations) {
          for (const message of unansweredOf(conversation)) this.#messages.add(message);
        }
        break;
      case "open-turn":
        for (const { turns } of found.conversations) if (turns.at(-1)?.outcome === null) this.#addTurn(turns.at(-1));
        break;
      case "turns-of-first":
        for (const conversation of found.conversations) this.#turnsOfFirst(conversation);
        break;
      case "answered-first":
        this.#answeredFirst(found);
        break;
      case "newest-turn":
        for (const { turns } of found.conversations) this.#addTurn(turns.at(-1));
        break;
      case "recorded":
        for (const { kind, key } of plan.keys ?? []) this.#recorded(nameOf(kind, key));
        break;
      case "consent":
        for (const { row } of found.conversations) this.#consents.push(row.consentKey);
        break;
      case "history":
        this.#history(plan.root, found.conversations);
        break;
      default:
        slice satisfies never;
    }
  }

  #addTurn(turn: TurnRow | undefined): void {
    if (turn !== undefined) this.#turns.set(turn.id, turn);
  }

  #queue({ open }: Conversation, messages: readonly Message[]): void {
    const groups = new Set(messages.map(({ row }) => row.groupId));
    for (const message of open) if (message.row.status === "unknown") this.#messages.add(message);
    const head = open.find(({ row }) => row.status !== null && isQueued(row.status) && !groups.has(row.groupId));
    if (head !== undefined) this.#messages.add(head);
  }

  #stoppable(plan: Plan, found: Found): void {
    const keys = plan.consents ?? found.conversations.map(({ row }) => row.consentKey);
    const conversations = new Set(found.conversations);
    for (const key of keys) {
      for (const conversation of this.#tables.byConsent.get(key) ?? []) conversations.add(conversation);
    }
    for (const conversation of conversations) {
      this.#conversations.add(conversation);
      for (const message of conversation.open) {
        if (isStoppable(message.row)) this.#messages.add(message);
      }
    }
  }

  #turnsOfFirst(conversation: Conversation): void {
    const [first] = unansweredOf(conversation);
    if (first === undefined) return;
    const { turns } = conversation;
    for (let at = turns.length - 1; (turns[at]?.firstSeq ?? 0) >= first.row.seq; at -= 1) {
      if (turns[at]?.firstSeq === first.row.seq) this.#addTurn(turns[at]);
    }
  }

  #answeredFirst({ conversations: [conversation], turn }: Found): void {
    if (conversation === undefined || turn === undefined) return;
    const start = firstIndex(conversation.messages, ({ row }) => row.seq >= turn.firstSeq);
    for (let at = start; at < conversation.messages.length; at += 1) {
      const message = conversation.messages[at];
      if (message === undefined || message.row.seq > turn.throughSeq) return;
      if (message.row.needsAnswer !== true) continue;
      this.#messages.add(message);
      return;
    }
  }

  #history(root: Root, conversations: readonly Conversation[]): void {
    if (root.by !== "due") throw new TypeError("The history is loaded only for a root `due`.");
    for (const { row, messages } of conversations.slice(0, root.wanted)) {
      const newest = messages.slice(Math.max(0, messages.length - root.historyLimit));
      this.#histories.set(
        row.id,
        newest.map((message) => message.row),
      );
    }
  }

  #recorded(name: string): void {
    const { keys, messages, groups } = this.#tables;
    const ref = keys.get(name)?.ref;
    if (ref == null) return;
    const message = messages.get(ref);
    const reply = messages.get(message?.row.autoReplyId ?? "");
    for (const each of [message, reply, ...(message === undefined ? (groups.get(ref) ?? []) : [])]) {
      if (each === undefined) continue;
      this.#messages.add(each);
      this.#conversations.add(each.conversation);
    }
  }

  loaded(): Omit<Loaded, "found" | "chosen" | "corrupt"> {
    const tables = this.#tables;
    const attempts: AttemptRow[] = [];
    const events: EventRow[] = [];
    for (const message of new Set(this.#withAttempts)) {
      attempts.push(...message.attempts);
      for (const ofAttempt of message.events) events.push(...(ofAttempt ?? []));
    }
    const messages: MessageRow[] = Array.from(this.#messages, ({ row }) => row);
    return {
      now: this.#now,
      rows: {
        conversations: Array.from(this.#conversations, ({ row }) => row),
        messages,
        attempts,
        events,
        turns: [...this.#turns.values()],
        keys: present(this.#keys, tables.keys),
        consents: present(this.#consents, tables.consents),
        counters: present(this.#counters, tables.counters),
        rateLimits: present(this.#rateLimits, tables.rateLimits),
        sweeps: present(this.#sweeps, tables.sweeps),
        workers: present(this.#expired, tables.workers),
      },
      answers: this.#answers,
      histories: this.#histories,
    };
  }
}

const NONE: readonly never[] = [];

/** The existing rows with these names, each once. */
function present<Row>(names: readonly string[], rows: ReadonlyMap<string, Row>): readonly Row[] {
  return names.length === 0 ? NONE : Array.from(new Set(names)).flatMap((name) => rows.get(name) ?? []);
}

/** The inbound messages after `answeredSeq` that need an answer, by `seq`. */
function unansweredOf({ messages, row: { answeredSeq } }: Conversation): Message[] {
  const start = firstIndex(messages, ({ row }) => row.seq > answeredSeq);
  return messages.slice(start).filter(({ row }) => row.needsAnswer === true);
}
