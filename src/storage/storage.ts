import type { OwnlineError } from "../errors.ts";
import type { Conversation } from "../model/conversation.ts";
import type { Message, OutboundMessage } from "../model/message.ts";
import type { Consent, InboundRecord, OutboundRecord, RecordedInbound, RecordedOutbound } from "./port/arrivals.ts";
import type {
  ClaimedSweep,
  Erased,
  EraseOrder,
  PauseChange,
  PurgeOrder,
  RequeuedTurn,
  Resolution,
  SweepClaim,
  SweepCommit,
  TurnRequeue,
  UnknownMark,
} from "./port/operations.ts";
import type { ChangePage, ConversationList, ConversationPage, MessagePage, MessageStory } from "./port/reading.ts";
import type {
  ClaimedSend,
  CompetingAttempts,
  CompetingAttemptsQuery,
  OpenCounter,
  RecordedDelivery,
  SendClaim,
  SendRecord,
  StatusRecord,
} from "./port/sends.ts";
import type {
  ClaimedTurn,
  CommittedTurn,
  DueQuery,
  DueWork,
  Heartbeat,
  HeartbeatAnswer,
  TurnClaim,
  TurnCommit,
  TurnRelease,
} from "./port/turns.ts";

export type * from "./port/arrivals.ts";
export type * from "./port/conditions.ts";
export type * from "./port/operations.ts";
export type * from "./port/reading.ts";
export type * from "./port/sends.ts";
export type * from "./port/turns.ts";

/**
 * The ledger: it stores all conversations, messages and consents of a service built on ownline.
 *
 * Rules for every adapter:
 * - Each mutating method is **one atomic commit**. Readers see all of its changes or none.
 * - Each mutating method is **idempotent by its `callId`**. A caller that lost the answer repeats the call: the
 *   repetition changes nothing and returns the first answer, even if the ledger has changed since. The adapter may
 *   forget a call id after an hour, and when the person in the answer is erased. A call that changed nothing (it
 *   answered `null`, `false`, `lost`, `gone` or `unmatched`) may be decided anew. `recordInbound` and `recordOutbound`
 *   are also idempotent by their `key`, for ever: another call with a known `key` gets the messages as they are now.
 * - Times come from the storage's own clock, read once for each call. Callers pass durations.
 * - A row whose times decide when something may happen stores the clock's time at their last change. If a later clock
 *   is more than a minute behind that time, one of the two clocks was wrong. Then the row's times are void for each
 *   call that loads it. A turn or a message is due now, and a message's state counts as unknown since now. A rate limit
 *   starts anew, and all its earlier reservations are void. A counter's window is over. A sweep may be claimed. A
 *   worker is alive for one more lease. A START undoes no STOP that was found late, and no refusal. Turns and messages
 *   with void times are due in {@link Storage.due} and {@link Storage.claimTurns} for every worker, including one that
 *   has set them aside.
 * - `seq` and `changedSeq` come from one counter on the conversation, which the writing commit raises. Each new message
 *   takes +1, and so does each change of an outbound message's status, also if one commit makes several changes.
 * - If the database cannot be reached, or the commit fails, the method throws
 *   `OwnlineError("storage_unavailable", …, { retryable: true })`. Then either nothing or everything was written. The
 *   caller repeats the call with the same `callId`.
 * - Every query uses an index: its cost does not depend on the number of conversations or messages.
 * - A row may be unreadable (broken JSON, a word or a number that ownline never writes). Only calls that are about this
 *   row fail, with `storage_corrupt`, which is not retryable and names the row. Methods that choose among conversations
 *   or messages (`claimTurns`, `due`, `heartbeat`, `markUnknown`) skip its conversation, and check the row again after
 *   a minute. {@link Storage.erase} works for unreadable rows too.
 *
 * All storages of ownline are `ledgerOver(database)`: one set of rules over the rows that a `LedgerDatabase` loads and
 * writes. Build a new adapter as such a database.
 *
 * When you write an adapter, run the contract that `ownline/testing` exports against the real database.
 */
export interface Storage {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string;

  /**
   * Problems for the operator. The list is live: calls change it.
   *
   * - `storage_corrupt`: one error for each row that this handle could not read. Calls about the row throw the same
   *   object, so that the engine reports it once. After a minute, the next call that chooses among conversations or
   *   messages checks the row again. The error leaves the list if the row can be read or is gone. A stored answer is not
   *   checked, so its error leaves the list then. At most 1000; the oldest is removed first.
   * - `storage_clock`: a clock that was ahead wrote rows. One error for each kind of row and each time that the clock
   *   was ahead. At most 100; the oldest is removed first.
   */
  readonly problems: readonly OwnlineError[];

  /**
   * Creates or upgrades the schema. It may be called at every start and from several processes at once: each numbered
   * step runs once.
   */
  migrate(): Promise<void>;

  /**
   * Makes the ledger ready for use, and returns the secret that it made at its first migration. An embedded adapter
   * may migrate here.
   *
   * @throws OwnlineError `storage_unmigrated` if the schema is missing, old, or newer than this code can write;
   * `storage_unsupported` if the runtime or the database lacks a feature that the adapter needs.
   */
  open(): Promise<OpenedLedger>;

  /** Releases what the adapter itself opened (a file). Never closes a client that was passed in. */
  close(): Promise<void>;

  /**
   * Records a text from a person. One commit writes the message under its unique `key`, the conversation (created if
   * there is none), its due time, the consent that the text changes, and the auto-reply.
   *
   * - Some numbers have two spellings. Both spellings are one person, with one conversation on a line. The
   *   conversation's `participant` is the spelling in the newest message from the provider (`origin` `webhook`). Before
   *   there is such a message, it is the spelling of the first record. Each message keeps its own spelling.
   * - `key` known: nothing changes, and the outcome is `repeated`, with the first message and its auto-reply as they
   *   are now. `key` erased: the outcome is `erased`.
   * - The stored `needsAnswer` is true if `record.needsAnswer` is true and the person has not opted out, judged after
   *   this text's change of consent.
   * - A text that needs an answer sets `unansweredSince`, unless it is set already. Unless the conversation is paused,
   *   the text also sets the due time:
   *   `max(min(now + debounceMs, unansweredSince + maxWaitMs), now, the backoff a failed turn left)`. The due time is
   *   set even while a worker holds the lease; the lease stops other workers. A text that needs no answer changes none
   *   of this, and does not change `answeredSeq`.
   * - `consent` opted-out: a consent row is written under each key of `consents`. The conversation's open turn ends as
   *   `cancelled`, its lease ends, and the fence rises. `answeredSeq` becomes this text's `seq`, and the conversation
   *   has no unanswered text, due time or backoff any more. Every `waiting` and `held` message to the person from the
   *   senders in `stops` becomes `cancelled`, in other conversations too, and is returned in `cancelled`. Auto-replies
   *   are not cancelled, because they leave in the webhook's response. A turn that runs in another conversation goes
   *   on; the send admission stops its messages.
   * - `consent` opted-in: the rows under `own` and `person` are written, and those rows under `siblings` that were
   *   opted out through one of the services. Cancelled messages stay cancelled.
   * - A person has opted out if one of the asked keys is opted out. If an opt-out at a number came through a service,
   *   it does not count while that service is also asked and is opted in.
   * - A repeated opt-out keeps the source and time of the consent row. A repeated opt-in takes those of the newest
   *   START, because a STOP or a refusal from before that START must not undo it. A change with `unlessSince` does not
   *   count if the row became `opted-in` after that moment: a STOP that was found late does not undo the START that
   *   followed it. The text itself is recorded in any case.
   * - The auto-reply is stored only if all its conditions hold after that change (see {@link SendConditions}). It
   *   cannot wait, so with a delay or a full counter of either kind it is not stored. Its `rateLimit` does not count,
   *   because it leaves in the webhook's response. It is stored as `sending`, with attempt 1 that belongs to no worker.
   *   It is a group of its own: its `groupId` is its id. It takes the `seq` after the text's. It is never due, and no
   *   other message waits for it.
   */
  recordInbound(record: InboundRecord): Promise<RecordedInbound>;

  /**
   * Records a message of the service or of an operator, in parts, as `waiting`, due in order. A repeated `key` returns
   * the first parts as they are now; the outcome is `reused` if its `content` differs. For an erased key the outcome is
   * `erased`, and its `content` is forgotten. Otherwise, if the person has opted out, the outcome is `opted-out` and
   * nothing is stored, not even the key. Creates the conversation if there is none. An existing conversation keeps its
   * `sender` and its `participant`, and the message goes to that `participant`.
   */
  recordOutbound(record: OutboundRecord): Promise<RecordedOutbound>;

  /**
   * Claims the conversations that have been due longest, in that order, at most `limit`: not leased, not paused, due
   * time reached. Returns an empty list if there are none. A lease belongs to the worker until it commits or releases,
   * or until {@link Storage.heartbeat} finds that the worker has expired. The fence rises by one, the due time is
   * cleared, and the worker is registered as alive for `leaseMs`.
   *
   * The turn's id is `"t"` + the id of its first unanswered text. If n earlier turns began with that text, `"." + n`
   * follows (see {@link Storage.requeueTurn}). The turn is created at its first run. `runs` rises by one, and
   * `throughSeq` becomes the `seq` of the newest text that needs an answer, which fixes the texts of this run. With
   * `historyLimit`, each turn includes the newest messages of its conversation, except when the call is repeated.
   */
  claimTurns(claim: TurnClaim): Promise<readonly ClaimedTurn[]>;

  /**
   * Commits the result of a turn: the reply's parts as `waiting` (each after the part before it), the watermark
   * (`answeredSeq = throughSeq`), the end of the lease, and the next due time.
   *
   * - `lost`: this worker does not hold the lease with this fence. Nothing changes.
   * - `superseded` (only when `supersede` is true): a newer text needs an answer. The lease ends, the turn's
   *   `superseded` rises by one, and the due time that the newer text set stays. No reply is stored.
   * - `committed`: texts newer than `throughSeq` that need an answer stay unanswered: `unansweredSince` becomes now,
   *   and the due time that they set stays. Without such texts the conversation has no due time. `pause` pauses the
   *   conversation in the same commit: then no turn is due until it is resumed.
   * - A reply leaves from the conversation's `sender`; its `groupId` is the turn's id.
   */
  commitTurn(commit: TurnCommit): Promise<CommittedTurn>;

  /**
   * Ends a turn's lease without an answer. The turn is due again after `retryInMs`, even if a newer text set another
   * due time. With `superseded`, the due time of the newer text counts if it is earlier. `failed` counts as an AI
   * failure and sets a backoff that a newer text cannot shorten. `superseded` raises the turn's `superseded`. `stopped`
   * counts as nothing. `unknown-line` (the worker does not know the line) does not count as a run. From then on, that
   * worker leaves the conversation to other workers first. `given-up` ends the turn as `failed`: its texts count as
   * answered, and newer texts keep their due time. The `error` is stored in the turn. Returns whether this worker still
   * held the lease.
   */
  releaseTurn(release: TurnRelease): Promise<boolean>;

  /**
   * Keeps a worker alive for another `leaseMs`, even if its own time was over. Reclaims what expired workers hold: the
   * leases of their conversations end, and these conversations are due at once (the turn's `crashes` rises by one).
   * Their attempts in `sending` become `unknown`, due to be looked up after `lookInMs`. One call may reclaim only some
   * conversations, at least 100 if there are that many; the next call reclaims more. Returns the worker's own leases.
   * They show the worker which leases it has lost and which conversations have a newer text.
   */
  heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer>;

  /**
   * The work of a scope that is due now, oldest first, at most `limit` messages; and when to look again. Only messages
   * that are due are returned. A message is not due while an earlier message of its conversation is `waiting` or
   * `sending`, or while an earlier part of its own group is `unknown`. A leased or paused conversation is not counted
   * in `turns`, and `nextInMs` does not count its due time. `nextInMs` also counts the expiry of each worker that holds
   * a lease or an attempt in `sending`, and is 0 if that time has passed. So another worker looks again at that time,
   * sends a heartbeat, and takes the work over.
   *
   * The asking worker may have set a conversation aside: it released a turn with `unknown-line`, or claimed a message
   * with `setAsideMs`. All turns and messages of this conversation are due for this worker half a minute later than for
   * others. `nextInMs` does not count such a turn.
   */
  due(query: DueQuery): Promise<DueWork>;

  /**
   * The send admission, in one all-or-nothing step: judges all conditions, charges the counters, and moves a message
   * from `waiting` to `sending` with a new attempt row.
   *
   * It judges in this order (an auto-reply does not count as an "earlier message"):
   * 1. not `waiting` any more (or erased, or of another scope): `gone`. With `setAsideMs`: `cancelled` if the message
   *    has expired, otherwise `waiting` for that long, and nothing else is judged. A message in `unknown` is set aside
   *    for that long too.
   * 2. expired: `cancelled`. If the expiry is found over a minute late, the clock may be ahead for a moment. Then the
   *    message is `waiting` for another 10 s before it is `cancelled`.
   * 3. `conditions.cancel`: `cancelled` with that reason. Also `cancelled` if consent is required and the person has
   *    opted out. Also if the conversation is paused although it must not be, unless the turn that handed the
   *    conversation over wrote the message. Also if an earlier part of its group is `failed`, `undelivered`,
   *    `cancelled` or `held`.
   * 4. the provider has not accepted an earlier part of its group yet, or an earlier message of its conversation is
   *    `waiting` or `sending`: `waiting` with `retryInMs` null. It is not due until that earlier message changes. If an
   *    earlier message of another group is `unknown`: `waiting` until `orderWaitMs` have passed since that message
   *    became `unknown`. After that, this message overtakes it.
   * 5. `conditions.delayMs`: `waiting` for that long. A full counter with `full: "cancel"`: `cancelled` with the
   *    counter's reason. Any other full counter: `waiting` until its window ends (the latest window, if several
   *    counters are full). Counters are charged only if the message is claimed.
   * 6. `conditions.rateLimit`: the sender's rate limit, a queue of reservations under `rateLimit.key`. If the time of
   *    the message's reservation has come, the message continues to step 7 and gives the reservation up. If its
   *    reservation is in the future, it keeps the reservation and waits. Without a reservation, if the rate limit is
   *    free (its `freeAt` has passed), the message continues, and `freeAt` becomes now + `costMs`. Otherwise the
   *    message takes the next reservation (at `freeAt`, which rises by `costMs`) and is `waiting` until then. A
   *    `backOff` of {@link SendResultRecord} makes all earlier reservations void: the message takes a new one. After a
   *    `backOff` of `forMs` the rate limit is free when three times have passed: `forMs`, an earlier `backOff`, and the
   *    reservation that left last. Void reservations do not block the queue. So n messages cost n reservations, keep
   *    their order, and the queue is fair: each conversation has one message in it at a time. If a message is cancelled
   *    or expires, its reservation stays unused. With `expiryMs`, a message expires that long after its reservation.
   * 7. `claimed`: the message is addressed to the conversation's `participant`, every counter is charged, and the
   *    worker is registered as alive for `leaseMs`.
   *
   * When a message is `cancelled`, the later parts of its group that are `waiting` or `held` are cancelled too. "The
   * later parts are cancelled" means the same everywhere in this file.
   */
  claimSend(claim: SendClaim): Promise<ClaimedSend>;

  /**
   * Records the provider's answer to an attempt. It needs no fence and is accepted in any state of the message.
   *
   * - `accepted`: the attempt takes the provider's id, and its status becomes `status` if that has a higher rank. If
   *   the message has a provider's id already, both are stored, and `duplicate` is true.
   * - `refused`, next `retry`: the attempt is `refused`, and the message is `waiting` again, due after `retryInMs`. If
   *   another attempt of the message may have left, the message shows the state of that attempt instead; an `unknown`
   *   message is then settled after `retryInMs`. Next `fail`: the message is `failed`, and the later parts are
   *   cancelled. If another attempt is `sending` or known to the provider, the message shows the state of that attempt
   *   instead. Next `opt-out`: as `fail`, and the consent row becomes opted-out (source `refused-send`), with all
   *   consequences that {@link Storage.recordInbound} describes; `answeredSeq` becomes `inboundSeq`. If a START came
   *   after the attempt's `startedAt`, the refusal is older than the START, and the consent stays. If the provider is
   *   known to have accepted the attempt, a refusal changes no attempt and no message.
   * - `unknown`: the attempt and the message become `unknown`, due to be looked up after `lookInMs`, unless a delivery
   *   event came first.
   * - `found`: as `accepted`, for an attempt in `unknown` that the provider's list shows. If this attempt is not
   *   `unknown`, nothing changes, and the outcome is `repeated`. The same holds if any attempt (also this one, or an
   *   erased one) has that provider's id already.
   * - `unseen`: the provider's list does not show the message (yet). A message that is still `unknown` is due to be
   *   looked up again after `lookInMs`. The first `asOf` that is not `null` becomes its `evidenceSince`, until the
   *   message becomes `unknown` anew. Nothing else changes, and `changed` is false. In any other state nothing changes,
   *   and the outcome is `repeated`.
   *
   * A refusal's `backOff` slows down all messages under its key: the rate limit's `freeAt` becomes at least now +
   * `forMs`, and all earlier reservations are void. This also happens if the refusal itself changes nothing, but not if
   * the attempt does not exist.
   *
   * The message's status is the best status among its attempts. An `unknown` attempt does not count if a later attempt
   * has left, because a decision about it was already made. A provider's report about an attempt also replaces
   * `waiting`, `held`, `cancelled` and ownline's own `failed`, so that no message is sent twice. When a message changes
   * its status, the next message of its conversation becomes due, but not earlier than a refusal or a condition allows.
   */
  recordSend(record: SendRecord): Promise<RecordedDelivery>;

  /**
   * Records a status callback as a delivery event of its attempt. A repetition is counted in the event. The attempt's
   * status changes only to a status of a higher rank. The attempt is found by outbound id and attempt number, otherwise
   * by the provider's id. A callback for an attempt in `sending` or `unknown` proves that the provider accepted it: the
   * attempt takes the provider's id. `optOut` changes the consent as `opt-out` of {@link Storage.recordSend} does. When
   * a message becomes `failed` or `undelivered`, the later parts are cancelled.
   *
   * A failure with `retry` is temporary. If none of the message's attempts can have arrived, the message is `waiting`
   * again, in its place in the order. It is due after `firstMs`, doubled with each attempt made so far, at most
   * `mostMs`. It is claimed like any other message, so every condition is judged anew. The failure is final for an
   * auto-reply, and if the message is held, cancelled or failed, or expires before the retry. While the message waits,
   * further reports of that failure change nothing, and a delivery ends the wait. A `found` of
   * {@link Storage.recordSend} with `retry` has the same effect.
   *
   * A callback is a repetition if an event of the same attempt has the same provider's id, `status`, `rawStatus` and
   * error code. Then the outcome is `repeated`.
   */
  recordStatus(record: StatusRecord): Promise<RecordedDelivery>;

  /**
   * What the caller needs to decide whether an entry of the provider's list is the evidence of an `unknown` message.
   * First, the competing attempts: all attempts in the same conversation, with the same content (body and media), that
   * may have made an entry unknown to the ledger. These are attempts in `unknown`, in any state of their message, and
   * attempts in `sending` of messages in `sending`. The message's own attempts are included, auto-replies are not. They
   * are sorted by `startedAt`, then by the message's `seq`, then by attempt. Second, which of the given provider's ids
   * belong already to an attempt, also to an erased one, in the order asked. If the message does not exist, there are
   * no attempts.
   */
  competingAttempts(query: CompetingAttemptsQuery): Promise<CompetingAttempts>;

  /**
   * Settles a message that is `unknown` without evidence, or `held`, by a decision of the policy or of a person. Its
   * status must be among `from`. If `attempts` is given, the message must still have that number of attempts, so no
   * worker has tried again since. Otherwise nothing changes, the outcome is `repeated`, and `message` is the message as
   * it is now.
   *
   * - `resend`: `waiting` without an error, due now. It expires `expiryMs` from now, unless its old expiry is later.
   *   The parts that were cancelled with it stay cancelled.
   * - `sent`: `accepted`, because a person knows that it left. Its newest attempt becomes `accepted` too, if it is
   *   `unknown`. Messages that waited for it go on.
   * - `hold`, `drop`: `held` or `failed` (with the reason as its error), and the later parts are cancelled. `hold` for
   *   a held message only replaces the reason: the outcome is `recorded`, and `changed` is false.
   */
  resolve(resolution: Resolution): Promise<RecordedDelivery>;

  /**
   * Makes the texts of a turn that ended as `fallback` or `failed` unanswered again, so that a new turn answers them.
   * `answeredSeq` goes back to before the turn's first text. The conversation is unanswered and due now, without
   * backoff; if it is paused, it is due when it is resumed. An `unansweredSince` that newer texts set stays. The
   * outcome is `requeued`. Otherwise nothing changes, and the outcome is the first of these that applies. `unmatched`:
   * the turn does not exist, or none of its texts is left. `newer`: the conversation has a later turn. `not-failed`:
   * the turn did not end as `fallback` or `failed`. `opted-out`: the person has opted out.
   */
  requeueTurn(requeue: TurnRequeue): Promise<RequeuedTurn>;

  /**
   * For use after a restore from a backup: messages in `waiting` or `sending` may have left after the backup was made.
   * At most `limit` of them, oldest first (by `createdAt`, then id), become `unknown` without an error, due to be
   * looked up after `lookInMs`. Each gets an attempt in `unknown` that belongs to no worker and began at the message's
   * `createdAt`. For a `waiting` message this is a new attempt, for a `sending` one its newest attempt. Returns the
   * messages in that order; an empty list if none is left. Auto-replies do not change.
   */
  markUnknown(suspicion: UnknownMark): Promise<readonly OutboundMessage[]>;

  /**
   * Pauses or resumes a conversation. Pausing ends the lease of a running turn, which stays open, and raises the fence.
   * No turn of the conversation is due until it is resumed. Resuming with `skipUnanswered` counts all texts so far
   * (`inboundSeq`) as answered and ends an open turn as `cancelled`. Without it, unanswered texts are due at once,
   * without backoff. If the conversation is in the wanted state already, nothing changes. `null` if the conversation
   * does not exist.
   */
  setPaused(change: PauseChange): Promise<Conversation | null>;

  /** The consent that is stored under a key; `null` if there is none. */
  consent(consentKey: string): Promise<Consent | null>;

  conversation(id: string): Promise<Conversation | null>;

  /**
   * The conversations with the newest activity first; at most `limit`, after the cursor of the last page. Without
   * conversations that cannot be read.
   */
  conversations(page: ConversationPage): Promise<ConversationList>;

  /**
   * Messages by `seq`: upwards after `after`, or downwards before `before` (newest first). At most `limit`.
   *
   * @throws OwnlineError `storage_corrupt` if one of them cannot be read
   */
  messages(page: MessagePage): Promise<readonly Message[]>;

  /**
   * The messages that are new or have changed since a position, by `changedSeq` upwards, at most `limit`. Without
   * messages that cannot be read.
   */
  changes(page: ChangePage): Promise<readonly Message[]>;

  /** Everything that the ledger knows about a message; `null` if the message does not exist. */
  story(messageId: string): Promise<MessageStory | null>;

  /**
   * Deletes a person's conversations, messages, turns, attempts and events, on one line or on all. The person is found
   * by either spelling of the number. A tombstone stays for every inbound key, send key and provider's id, so that a
   * repeated webhook, `send()` or callback has no effect. The consent row stays under its opaque key. A worker with a
   * running turn finds that it has lost the lease. A text with a new key begins a new conversation.
   */
  erase(order: EraseOrder): Promise<Erased>;

  /**
   * Retention: deletes up to `limit` messages older than `olderThanMs`, oldest first. Unanswered texts and messages
   * whose status is not final stay. Tombstones stay as for {@link Storage.erase}. Also deletes conversations that have
   * no message left and are not paused, and stored answers that are over an hour old.
   */
  purge(order: PurgeOrder): Promise<Erased>;

  /**
   * Claims the search for lost webhooks of one sender, if `everyMs` have passed since the last commit and no other
   * worker holds the claim. A claim ends by its commit or after `leaseMs`. `null` otherwise.
   */
  claimSweep(claim: SweepClaim): Promise<ClaimedSweep | null>;

  /**
   * Those of the given keys of {@link InboundRecord} under which no text was ever recorded, in the order asked. A key
   * of an erased text counts as recorded. At most 1000.
   */
  unrecorded(keys: readonly string[]): Promise<readonly string[]>;

  /**
   * The counters among these keys whose window is open, in any order. Counters that were never charged, or whose window
   * is over, are left out. This only reads: another process may charge a counter right after it. At most 1000 keys.
   */
  counters(keys: readonly string[]): Promise<readonly OpenCounter[]>;

  /**
   * Moves the watermark and ends the claim. Returns false if a later claim, with a higher fence, has replaced this one.
   */
  commitSweep(commit: SweepCommit): Promise<boolean>;
}

export interface OpenedLedger {
  /**
   * At least 32 random characters, created once. ownline derives from it the keys under which people's consent is
   * filed.
   */
  readonly secret: string;
}
