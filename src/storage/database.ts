import type { Conversation } from "../model/conversation.ts";
import type { Message } from "../model/message.ts";
import type { UnreadRow } from "./ledger/corrupt.ts";
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
 * Which conversations a call is about, and with them which of their messages. Candidates (`due`, `workers`, `unsent`)
 * are those that are not of a conversation in `without`: a database whose rows can always be read is given none.
 */
export type Root =
  | { readonly by: "nothing" }
  | { readonly by: "conversation"; readonly id: string }
  | { readonly by: "address"; readonly line: string; readonly participantKey: string }
  /** An outbound message. */
  | { readonly by: "message"; readonly id: string }
  /** The message of an attempt: by its number, else by the provider's id. */
  | {
      readonly by: "attempt";
      readonly outboundId: string | null;
      readonly attempt: number | null;
      readonly providerMessageId: string | null;
    }
  | { readonly by: "turn"; readonly id: string }
  /**
   * Those of a scope in which a turn may begin, the one that has been due longest first. Without those that the worker
   * set aside and that have been due for `LEFT_TO_OTHERS_MS` or less. A database in which no other process can take the
   * first ones away needs to find no more than are `wanted`.
   */
  | {
      readonly by: "due";
      readonly scope: string;
      readonly workerId: string;
      readonly wanted: number;
      readonly limit: number;
      /** For the slice `history`; 0 without it. */
      readonly historyLimit: number;
      readonly without?: readonly string[];
    }
  /**
   * Those that a worker holds (by a lease), and those that expired workers of its scope hold (by a lease, or by an
   * attempt that is `sending`: its message is the root's). At most `limit` of the latter.
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
 * Which rows belong to the answer beside the root's conversations and messages. Each is served by an index, and is
 * bounded but for those that say so.
 *
 * - `attempts`: all attempts of the root's messages, with their events.
 * - `group`: the other parts of the root's messages.
 * - `turn`: the turn that wrote the root's message.
 * - `queue`: what decides which message leaves next: the messages `unknown`, and the first one that is waiting or
 *   `sending` and belongs to no group of the root's messages. Without auto-replies.
 * - `stoppable`: what an opt-out stops: all conversations under the consents of the plan, or else under the root's
 *   consent, and all their messages that are waiting or held. Not bounded.
 * - `unanswered`: the inbound messages that need an answer behind `answeredSeq`. Not bounded.
 * - `open-turn`: the turn without an outcome.
 * - `turns-of-first`: the turns that begin with the first unanswered message.
 * - `answered-first`: the first inbound message that the root's turn answers.
 * - `newest-turn`: the conversation's last turn.
 * - `recorded`: what was recorded under the plan's keys: the inbound message with its auto-reply, the message group.
 * - `consent`: the consent that the root's conversations are filed under.
 * - `history`, of a root `due` alone: the newest messages of its first conversations, of as many as are `wanted`, and
 *   at most `historyLimit` of each. They are not among the rows: the rules show them, and judge nothing by them.
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
 * What one call must see. All that it names is guarded, found or not: consents, keys, rate limits and sweeps by
 * themselves, all rows of a conversation by the conversation's version. Counters are not guarded: they are charged by
 * {@link Charge}. Of candidates (`due`, `unsent`, `workers`) only those that a decision changes are guarded.
 */
export interface Plan {
  /** The call's id: always. Stored answers are found by it. */
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
  /** The slice `history`, by conversation: the newest messages, by `seq`. No entry where none was loaded. */
  readonly histories: ReadonlyMap<string, readonly MessageRow[]>;
  /**
   * Rows that the plans name and that cannot be read. They are not among `rows`; their conversations and messages are
   * among `found` and `chosen`, as far as they show it.
   */
  readonly corrupt: readonly UnreadRow[];
}

/** What a list holds, and what it would hold too, could it be read. */
export interface Seen<Found> {
  readonly found: Found;
  readonly corrupt: readonly UnreadRow[];
}

/** A look at what is due, without the conversations in `without`. */
export interface DueLook extends DueQuery {
  readonly without: readonly string[];
}

/** A charge of a counter: the database adds it if there is room, else the decision is made anew. */
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
  /** The conversations that it speaks of: it is erased with them. */
  readonly conversationIds: readonly string[];
}

/** What must be as it was loaded, for changes to be written. `version` is `null` for what was not there. */
export type Guard =
  | { readonly on: "conversation"; readonly key: string; readonly version: number }
  /** No conversation between a line and a person: `key` is JSON of line and `participantKey`. */
  | { readonly on: "address"; readonly key: string; readonly version: null }
  | { readonly on: "consent" | "rateLimit" | "sweep"; readonly key: string; readonly version: number | null }
  /** How many conversations are filed under a consent. */
  | { readonly on: "filed"; readonly key: string; readonly version: number }
  /** `key` is JSON of kind and key. `version` is 0 for a key that is there. */
  | { readonly on: "key"; readonly key: string; readonly version: 0 | null }
  /** An expired worker: `version` is its `aliveUntil`. */
  | { readonly on: "worker"; readonly key: string; readonly version: number }
  /** No answer is stored. */
  | { readonly on: "call"; readonly key: string; readonly version: null };

/** The conversations to erase. */
export interface ErasePlan {
  readonly callId: string;
  readonly participantKey: string;
  /** `null` for all lines. */
  readonly line: string | null;
}

/** A changed row: the fields that name it, and only the fields that changed. */
export type Patch<Row> = Partial<Row>;

export interface Changes {
  readonly inserted: Rows;
  /** By the fields that name a row; a field that is not given stays as it is. Never `version`. */
  readonly updated: { readonly [T in keyof Tables]?: readonly Patch<Tables[T]>[] };
  readonly charges: readonly Charge[];
  /** Workers that live at least until then: a later time stays. */
  readonly alive: readonly { readonly workerId: string; readonly scope: string; readonly until: number }[];
  readonly answers: readonly StoredAnswer[];
  readonly guards: readonly Guard[];
}

/** What a decision says: the answers, and what is to be written; `null` where nothing is. */
export interface Decided<Answer> {
  readonly answer: Answer;
  readonly changes: Changes | null;
}

/**
 * What keeps the rows of a ledger, and knows no rule. `ledgerOver` makes a `Storage` of it. A read that needs a row
 * which cannot be read throws `CorruptRow`, where it does not say otherwise.
 *
 * To write one: the tables of `Tables`, the loads of {@link Root} and {@link Slice}, one atomic write, and the reads
 * and deletions below. The storage contract of `ownline/testing` shows whether it is right.
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
   * Runs a function when the events of this turn of the event loop are handled, for a database that decides so fast
   * that no call waits for another: what comes from outside is then decided together. Left out where calls meet while
   * a decision is under way.
   */
  readonly nextTurn?: (run: () => void) => unknown;

  /**
   * One atomic decision: reads the clock and what the plans name in one snapshot, asks `decide`, and writes what it
   * says. When it writes, every guard holds, or nothing is written and everything is loaded and decided anew: at most
   * 20 times, then `storage_unavailable`, retryable. What it returns is durable. `decide` is pure and synchronous, and
   * may be asked more than once.
   *
   * @throws OwnlineError `storage_unavailable`
   * @throws what `decide` throws: then nothing is written
   */
  decide<Answer>(plans: readonly Plan[], decide: (loaded: Loaded) => Decided<Answer>): Promise<Answer>;

  /** A message is left out where a row cannot be read that is shown with it. `now`: the database's clock. */
  due(query: DueLook): Promise<Seen<DueWork> & { readonly now: number }>;
  competingAttempts(query: CompetingAttemptsQuery): Promise<CompetingAttempts>;
  consent(key: string): Promise<Consent | null>;
  counters(keys: readonly string[]): Promise<readonly OpenCounter[]>;
  conversation(id: string): Promise<Conversation | null>;
  /** One page of rows, those that cannot be read among them: the cursor counts them, the list does not hold them. */
  conversations(page: ConversationPage): Promise<Seen<ConversationList>>;
  messages(page: MessagePage): Promise<readonly Message[]>;
  /** As above. `next`: the position behind the page; `null` where it was the last one. */
  changes(page: ChangePage): Promise<Seen<readonly Message[]> & { readonly next: number | null }>;
  story(messageId: string): Promise<MessageStory | null>;
  unrecorded(keys: readonly string[]): Promise<readonly string[]>;

  /** Those among rows that could not be read which still cannot, found by their keys. Never of `answers`. */
  unread(rows: readonly UnreadRow[]): Promise<readonly UnreadRow[]>;

  /** Deletes a row of `counters` or `rateLimits` that cannot be read. */
  discard(row: UnreadRow): Promise<void>;

  /**
   * See `Storage.erase` and `Storage.purge`. Each raises the version of every conversation that it touches, and deletes
   * the stored answers that speak of an erased one. A repetition of the call deletes nothing more and answers as the
   * first.
   */
  erase(order: ErasePlan): Promise<Erased>;
  purge(order: PurgeOrder): Promise<Erased>;
}
