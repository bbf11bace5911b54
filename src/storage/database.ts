import type { Conversation } from "../model/conversation.ts";
import type { Message } from "../model/message.ts";
import type { DiscardableRow, UnreadRow } from "./ledger/corrupt.ts";
import type { KeyKind, MessageRow, Tables } from "./ledger/rows.ts";
import type {
  ChangePage,
  CompetingAttempts,
  CompetingAttemptsQuery,
  Consent,
  ConversationList,
  ConversationPage,
  DueQuery,
  DueWork,
  Erased,
  MessagePage,
  MessageStory,
  OpenCounter,
  OpenedLedger,
  PurgeOrder,
} from "./storage.ts";

/**
 * Which conversations a call is about, and which of their messages. Candidates (`due`, `workers`, `unsent`) exclude the
 * conversations in `without`. A database whose rows can always be read never gets `without`.
 */
export type Root =
  | { readonly by: "nothing" }
  | { readonly by: "conversation"; readonly id: string }
  | { readonly by: "address"; readonly line: string; readonly participantKey: string }
  /** An outbound message. */
  | { readonly by: "message"; readonly id: string }
  /** The message of an attempt. The attempt is found by its number, otherwise by the provider's id. */
  | {
      readonly by: "attempt";
      readonly outboundId: string | null;
      readonly attempt: number | null;
      readonly providerMessageId: string | null;
    }
  | { readonly by: "turn"; readonly id: string }
  /**
   * The conversations of a scope in which a turn may begin now: first those whose times are void, then the one that has
   * been due longest. Without those that the worker set aside and that have been due for less than
   * `LEFT_TO_OTHERS_MS`. If no other process can claim conversations in the same database, finding `wanted`
   * conversations is enough.
   */
  | {
      readonly by: "due";
      readonly scope: string;
      readonly workerId: string;
      readonly wanted: number;
      readonly limit: number;
      /** For the slice `history`; 0 without that slice. */
      readonly historyLimit: number;
      readonly without?: readonly string[];
    }
  /**
   * The conversations that a worker holds by a lease, and those that expired workers of its scope hold. An expired
   * worker holds a conversation by a lease or by an attempt in `sending`; the message of such an attempt is a message
   * of the root. At most `limit` conversations of expired workers.
   */
  | {
      readonly by: "workers";
      readonly scope: string;
      readonly workerId: string;
      readonly limit: number;
      readonly without?: readonly string[];
    }
  /** A scope's oldest messages that are waiting or `sending`, without auto-replies, by `createdAt`, then id. */
  | {
      readonly by: "unsent";
      readonly scope: string;
      readonly limit: number;
      readonly without?: readonly string[];
    };

/**
 * Which rows a call needs in addition to the root's conversations and messages. An index serves each slice. The number
 * of rows is bounded, except where "Not bounded" is written.
 *
 * - `attempts`: all attempts of the root's messages, with their events.
 * - `group`: the other parts of the root's messages.
 * - `turn`: the turn that wrote the root's message.
 * - `queue`: the messages that decide which message leaves next. These are all in `unknown`, and the first one in
 *   `waiting` or `sending` outside of the groups of the root's messages. Without auto-replies.
 * - `stoppable`: what an opt-out stops: conversations with all their messages in `waiting` or `held`. These are the
 *   conversations under the plan's consents, or under the root's consent if the plan names none. Not bounded.
 * - `unanswered`: the inbound messages after `answeredSeq` that need an answer. Not bounded.
 * - `open-turn`: the turn without an outcome.
 * - `turns-of-first`: the turns that begin with the first unanswered message.
 * - `answered-first`: the first inbound message that the root's turn answers.
 * - `newest-turn`: the conversation's last turn.
 * - `recorded`: the messages that were recorded under the plan's keys: an inbound message with its auto-reply, or a
 *   message group.
 * - `consent`: the consent that the root's conversations are filed under.
 * - `history`, only for a root `due`: the newest messages of its first `wanted` conversations, at most `historyLimit`
 *   for each. They are not among the rows: the rules return them and decide nothing by them.
 */
export type Slice =
  | "attempts"
  | "group"
  | "turn"
  | "queue"
  | "stoppable"
  | "unanswered"
  | "open-turn"
  | "turns-of-first"
  | "answered-first"
  | "newest-turn"
  | "recorded"
  | "consent"
  | "history";

/**
 * The rows that one call must see. All rows that it names are guarded, found or not. Consents, keys, rate limits and
 * sweeps have guards of their own. The conversation's version guards all rows of a conversation. Counters are not
 * guarded: they are charged by {@link Charge}. Of candidates (`due`, `unsent`, `workers`) only those that a decision
 * changes are guarded.
 */
export interface Plan {
  /** The call's id. The stored answer is found by it. */
  readonly call: string;
  readonly root: Root;
  readonly slices: readonly Slice[];
  readonly consents?: readonly string[];
  readonly keys?: readonly { readonly kind: KeyKind; readonly key: string }[];
  readonly counters?: readonly string[];
  readonly rateLimits?: readonly string[];
  readonly sweeps?: readonly string[];
}

export type Rows = { readonly [T in keyof Tables]?: readonly Tables[T][] };

export interface Loaded {
  /** The database's clock, read once for the decision. Unix milliseconds. */
  readonly now: number;
  /** The rows that the plans name, each once. */
  readonly rows: Rows;
  /** Stored answers by call id, as JSON. */
  readonly answers: ReadonlyMap<string, string>;
  /** For each plan, the ids of its root's conversations, in the root's order. */
  readonly found: readonly (readonly string[])[];
  /** For each plan, the ids of its root's messages, in the root's order. */
  readonly chosen: readonly (readonly string[])[];
  /**
   * The slice `history`, by conversation: the newest messages, by `seq`. No entry for a conversation whose history was
   * not loaded.
   */
  readonly histories: ReadonlyMap<string, readonly MessageRow[]>;
  /**
   * Rows that the plans name and that cannot be read. They are not among `rows`. Their conversations and messages are
   * among `found` and `chosen`, if the row shows which they are.
   */
  readonly corrupt: readonly UnreadRow[];
}

/** The readable entries of a list, and the rows that belong to it and cannot be read. */
export interface Seen<Found> {
  readonly found: Found;
  readonly corrupt: readonly UnreadRow[];
}

/** A query for due work, without the conversations in `without`. */
export interface DueLook extends DueQuery {
  readonly without: readonly string[];
}

/** A charge of a counter. The database adds it if it fits; otherwise the decision is made anew. */
export interface Charge {
  readonly key: string;
  readonly charge: number;
  readonly windowMs: number;
  readonly max: number;
}

export interface StoredAnswer {
  readonly call: string;
  /** JSON. */
  readonly answer: string;
  /** The conversations that the answer names. Erasing one of them deletes the answer. */
  readonly conversationIds: readonly string[];
}

/** A row that must still be as loaded when the changes are written. `version` is `null` if the row did not exist. */
export type Guard =
  | { readonly on: "conversation"; readonly key: string; readonly version: number }
  /** There is no conversation between a line and a person. `key` is JSON of line and `participantKey`. */
  | { readonly on: "address"; readonly key: string; readonly version: null }
  | { readonly on: "consent" | "rateLimit" | "sweep"; readonly key: string; readonly version: number | null }
  /** `version` is the number of conversations that are filed under a consent. */
  | { readonly on: "filed"; readonly key: string; readonly version: number }
  /** `key` is JSON of kind and key. `version` is 0 for a key that exists. */
  | { readonly on: "key"; readonly key: string; readonly version: 0 | null }
  /** An expired worker: `version` is its `aliveUntil`. */
  | { readonly on: "worker"; readonly key: string; readonly version: number }
  /** No answer is stored for the call. */
  | { readonly on: "call"; readonly key: string; readonly version: null };

/** The conversations to erase. */
export interface ErasePlan {
  readonly callId: string;
  readonly participantKey: string;
  /** `null` for all lines. */
  readonly line: string | null;
}

/** A changed row: the fields of its primary key, and the fields that changed. */
export type Patch<Row> = Partial<Row>;

export interface Changes {
  readonly inserted: Rows;
  /** Rows by primary key. A field that is absent stays unchanged. `version` is never given. */
  readonly updated: { readonly [T in keyof Tables]?: readonly Patch<Tables[T]>[] };
  readonly charges: readonly Charge[];
  /** Workers that are alive at least until `until`. A later time in the database stays. */
  readonly alive: readonly { readonly workerId: string; readonly scope: string; readonly until: number }[];
  readonly answers: readonly StoredAnswer[];
  readonly guards: readonly Guard[];
}

/** The result of a decision: its answer, and the changes to write; `null` if there is nothing to write. */
export interface Decided<Answer> {
  readonly answer: Answer;
  readonly changes: Changes | null;
}

/**
 * The rows of a ledger, without any rule. `ledgerOver` makes a `Storage` of it. A read that needs an unreadable row
 * throws `CorruptRow`, unless its docstring says something else.
 *
 * A database implements the tables of `Tables`, the loads of {@link Root} and {@link Slice}, one atomic write, and the
 * reads and deletions below. The storage contract of `ownline/testing` tests it.
 */
export interface LedgerDatabase {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string;
  migrate(): Promise<void>;
  open(): Promise<OpenedLedger>;
  close(): Promise<void>;

  /** How many plans one decision may have. */
  readonly maxPlans: number;

  /**
   * Runs a function after the events of this turn of the event loop. It is for a database that decides so fast that
   * calls never wait for each other: with it, the calls for webhooks and of the application of one turn share a
   * decision. Leave it out if calls arrive while a decision is under way.
   */
  readonly nextTurn?: (run: () => void) => unknown;

  /**
   * Makes one atomic decision: reads the clock and the rows of the plans in one snapshot, calls `decide`, and writes
   * the changes. If a guard no longer holds at the write, nothing is written, and everything is loaded and decided
   * anew: at most 20 times, then `storage_unavailable`, retryable. When it returns, the changes are durable. `decide`
   * is pure and synchronous, and may be called more than once.
   *
   * @throws OwnlineError `storage_unavailable`
   * @throws what `decide` throws; then nothing is written
   */
  decide<Answer>(plans: readonly Plan[], decide: (loaded: Loaded) => Decided<Answer>): Promise<Answer>;

  /** Leaves a message out if a row that is returned with it cannot be read. `now`: the database's clock. */
  due(query: DueLook): Promise<Seen<DueWork> & { readonly now: number }>;
  competingAttempts(query: CompetingAttemptsQuery): Promise<CompetingAttempts>;
  consent(key: string): Promise<Consent | null>;
  counters(keys: readonly string[]): Promise<readonly OpenCounter[]>;
  conversation(id: string): Promise<Conversation | null>;
  /** One page of rows. Unreadable rows count for the page and its cursor, but are not in the list. */
  conversations(page: ConversationPage): Promise<Seen<ConversationList>>;
  messages(page: MessagePage): Promise<readonly Message[]>;
  /**
   * One page, with unreadable rows as in `conversations`. `next`: the position after which the next page begins; `null`
   * on the last page.
   */
  changes(page: ChangePage): Promise<Seen<readonly Message[]> & { readonly next: number | null }>;
  story(messageId: string): Promise<MessageStory | null>;
  unrecorded(keys: readonly string[]): Promise<readonly string[]>;

  /**
   * Reads the given rows again by their keys, and returns those that still cannot be read. Rows of `answers` are never
   * given.
   */
  unread(rows: readonly UnreadRow[]): Promise<readonly UnreadRow[]>;

  /** Deletes a row that cannot be read. */
  discard(row: DiscardableRow): Promise<void>;

  /**
   * See `Storage.erase` and `Storage.purge`. Each raises the version of every conversation that it changes, and deletes
   * the stored answers that name an erased conversation. A repetition of the call deletes nothing more and returns the
   * first answer.
   */
  erase(order: ErasePlan): Promise<Erased>;
  purge(order: PurgeOrder): Promise<Erased>;
}
