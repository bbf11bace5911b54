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
 * The ledger: the only truth of a service built on ownline.
 *
 * Rules for every adapter:
 * - Each mutating method is **one atomic commit**. Nothing of it is seen before all of it is.
 * - Each mutating method is **idempotent by its `callId`**: a repetition, after an answer that was lost, changes
 *   nothing and returns what the first call returned, however much has happened since. Operation ids may be forgotten
 *   after an hour, and when the person in the answer is erased. A call that changed nothing (it answered `null`,
 *   `false`, `lost`, `gone` or `unmatched`) may be decided anew. `recordInbound` and `recordOutbound` are idempotent by
 *   their `key` too, for ever: another call with a known `key` gets the present form.
 * - Times come from the storage's own clock, read once for each call; callers hand over durations.
 * - A row whose times decide when something may happen keeps the clock by which they were set. Where a later clock is
 *   more than a minute behind it, one of the two was wrong, and the times are void for each call that loads the row: a
 *   turn or a message is due now, and the time in which its state is unknown is counted from now; a rate limit starts
 *   anew, and every reservation that was made before is void; a counter's window is over; a sweep may be claimed; a
 *   worker is alive for one more lease; a START undoes no STOP that was found late, and no refusal. What is void is due
 *   in {@link Storage.due} and {@link Storage.claimTurns} for every worker, one that has set it aside too.
 * - `seq` and `changedSeq` come from one counter on the conversation, raised in the writing commit: +1 for each new
 *   message, +1 for each change of an outbound message's status (several changes in one commit take one each).
 * - A failure to reach the database, or to commit, is thrown as `OwnlineError("storage_unavailable", …,
 *   { retryable: true })`. Then nothing, or everything, was written; the caller repeats with the same `callId`.
 * - Every query is served by an index: its cost does not depend on how many conversations or messages there are.
 * - A row that cannot be read (broken JSON, a word or a number that ownline never writes) fails the calls that are
 *   about it with `storage_corrupt`, which is not retryable and names the row, and no other call. What chooses among
 *   conversations or messages (`claimTurns`, `due`, `heartbeat`, `markUnknown`) passes its conversation over, and looks
 *   at the row again after a minute. {@link Storage.erase} works all the same.
 *
 * `ownline/storage/memory`, `sqlite` and `d1` are `ledgerOver(database)`: one set of rules over the rows that a
 * `LedgerDatabase` loads and writes. A new adapter is best such a database.
 *
 * To write an adapter, run the contract that `ownline/testing` exports against the real database.
 */
export interface Storage {
  /** For logs and errors, for example `sqlite`. */
  readonly name: string;

  /**
   * What an operator must look at. The list is live: calls add to it.
   *
   * - `storage_corrupt`: the rows that this handle has met and could not read, each once, as the errors that calls
   *   about them get. A row leaves the list when it was found mended. At most 1000.
   * - `storage_clock`: a clock that was ahead wrote rows, one error for each kind of row and each time that it was
   *   ahead. At most 100; the oldest goes first.
   */
  readonly problems: readonly OwnlineError[];

  /**
   * Creates or upgrades the schema. Safe to call at every start and from several processes at once: each numbered
   * step runs once.
   */
  migrate(): Promise<void>;

  /**
   * Makes the ledger ready for use, and returns the secret that it made at its first migration. An embedded adapter
   * may migrate here.
   *
   * @throws OwnlineError `storage_unmigrated` when the schema is missing, old, or newer than this code can write;
   * `storage_unsupported` when the runtime or the database lacks what the adapter needs.
   */
  open(): Promise<OpenedLedger>;

  /** Releases what the adapter itself opened (a file). Never closes a client that was passed in. */
  close(): Promise<void>;

  /**
   * Records a text from a person: the row under its unique `key`, the conversation (made if there is none), its due
   * time, the consent that the text changes and the auto-reply that answers it, in one commit.
   *
   * - The two spellings of a number that is written in two ways are one person, and have one conversation on a line.
   *   Its `participant` is the one of the newest message that came from the provider (`origin` `webhook`), and before
   *   there is one, of the record that made it. Each message keeps the one that it came with.
   * - `key` known: nothing changes; outcome `repeated` with the first message and its auto-reply, as they are now.
   *   `key` erased: outcome `erased`.
   * - `needsAnswer` is stored as `record.needsAnswer` and not opted out (after this very text's change of consent).
   * - A text that needs an answer sets `unansweredSince` (kept if set) and, unless the conversation is paused, the due
   *   time: `max(min(now + debounceMs, unansweredSince + maxWaitMs), now, the backoff a failed turn left)`.
   *   While a turn holds the lease the due time is set all the same; the lease keeps others away. A text that needs
   *   no answer leaves all of that, and `answeredSeq`, as it is.
   * - `consent` opted-out: a consent row is written under each key of `consents`; the conversation's open turn ends
   *   `cancelled`, its lease is taken away and the fence raised; nothing of it stays unanswered, due or backed off;
   *   `answeredSeq` becomes this text's `seq`; every `waiting` and `held` message to the person from the senders in
   *   `stops` (in other conversations too, but no auto-reply: it left with the webhook's answer) becomes `cancelled`,
   *   returned in `cancelled`. A turn that runs in another conversation goes on; the send admission stops what it
   *   writes.
   * - `consent` opted-in: the rows of `own` and `person` are written, and those of `siblings` that were refused through
   *   one of the services; nothing that was cancelled comes back.
   * - A person has opted out where one key that is asked is opted out. An opt-out at a number that came through a
   *   service is lifted while that service is asked too and is opted in.
   * - A consent row that is opted-out already keeps its source and time; an opted-in one takes those of the newest
   *   START, since that is what a STOP or a refusal from before it must not undo. A change whose `unlessSince` is given
   *   does not count where the row became `opted-in` after that moment: a STOP that was found late does not outlive the
   *   START that followed it. The text is recorded all the same.
   * - The auto-reply is stored only when its conditions hold after that change (see {@link SendConditions};
   *   all-or-nothing; as it cannot wait, a delay or a full counter of either kind drops it; its `rateLimit` does not
   *   count, since it leaves with the webhook's answer), as `sending` with attempt 1 that belongs to no worker. It is a
   *   group of its own: its `groupId` is its id. It takes the `seq` after the text's. It is never due, and stands
   *   outside the order: no other message waits for it.
   */
  recordInbound(record: InboundRecord): Promise<RecordedInbound>;

  /**
   * Records a message of the service or of an operator, in parts, as `waiting`, due in order. A repeated `key`
   * returns the first parts as they are now, with outcome `reused` where its `content` is another; one that was erased,
   * outcome `erased`, and its `content` is forgotten; else an opted-out person, outcome
   * `opted-out` and nothing is stored, the key included. Makes the conversation if there is none; an existing one
   * keeps its `sender` and its `participant`, to which the message goes.
   */
  recordOutbound(record: OutboundRecord): Promise<RecordedOutbound>;

  /**
   * Claims the conversations that have been due longest, up to `limit`, the first one first: not leased, not paused,
   * due time reached. Empty when there are none. A lease belongs to the worker until it commits or releases, or until
   * {@link Storage.heartbeat} finds that the worker has expired. The fence rises by one; the due time is cleared; the
   * worker is registered as alive for `leaseMs`.
   *
   * The turn's id is `"t"` + the id of its first unanswered text, and `"." + n` behind it where n earlier turns began
   * with that text (see {@link Storage.requeueTurn}). The turn is made at its first run; `runs` rises by
   * one; `throughSeq` becomes the newest text that needs an answer: the run's inputs are frozen. With `historyLimit`,
   * each turn brings the newest messages of its conversation along; a repetition of the call does not.
   */
  claimTurns(claim: TurnClaim): Promise<readonly ClaimedTurn[]>;

  /**
   * Commits what a turn decided: the reply's parts as `waiting` (in order, after each other), the watermark
   * (`answeredSeq = throughSeq`), the lease's end, the next due time.
   *
   * - `lost`: the lease is not this worker's under this fence. Nothing changes.
   * - `superseded` (only when `supersede` is true): a newer text needs an answer. The lease ends, the turn's
   *   `superseded` rises by one, the due time that the newer text set stands. No reply is stored.
   * - `committed`: texts newer than `throughSeq` that need an answer stay unanswered: `unansweredSince` becomes now,
   *   the due time that they set stands. Otherwise nothing stays due. `pause` pauses the conversation in the same
   *   commit: then nothing is due until it is resumed.
   * - A reply leaves from the conversation's `sender`; its `groupId` is the turn's id.
   */
  commitTurn(commit: TurnCommit): Promise<CommittedTurn>;

  /**
   * Gives a turn back unanswered. It is due again after `retryInMs`, also where a newer text said otherwise (for
   * `superseded`: when the newer text said, if that is earlier). `failed` counts as an AI failure and leaves a backoff
   * that a newer text cannot shorten; `superseded` counts as superseded; `stopped` counts as nothing. `unknown-line`
   * (the worker does not know the line) takes the run back, and from then on that worker lets others go first.
   * `given-up` ends the turn as `failed` instead: its texts count as answered, and newer ones keep their due time. The
   * `error` is kept in the turn. Returns whether the lease was still this worker's.
   */
  releaseTurn(release: TurnRelease): Promise<boolean>;

  /**
   * Keeps a worker alive for another `leaseMs`, even if its own time was over, and reclaims what expired workers hold:
   * their conversations lose their lease and are due at once (the turn's `crashes` rises by one), and their attempts in
   * `sending` become `unknown`, due to be looked at after `lookInMs`. One call may reclaim a part, at least 100
   * conversations where there are as many; the next call goes on. Returns the worker's own leases, so that it learns
   * what was taken from it and where a newer text waits.
   */
  heartbeat(heartbeat: Heartbeat): Promise<HeartbeatAnswer>;

  /**
   * What the outbox of a scope has to do now, oldest first, at most `limit`; and when to look again. Of a conversation
   * at most the messages that are due show up; a message behind another one of its conversation (an `waiting` or
   * `sending` one, or an `unknown` part of its own group) is not due. A conversation that is leased or paused does not
   * wait to be claimed, nor does `nextInMs` count the due time of one; but it counts the moment at which the time of a
   * worker that holds anything (a lease, an attempt in `sending`) is over, and is 0 where that has passed, so that the
   * worker that looks again then, and heartbeats, takes it over.
   *
   * What the asking worker has set aside (a turn that it released for `unknown-line`, a message with `setAsideMs`) is
   * due for it half a minute later than for others, with all of that conversation; `nextInMs` does not count such a
   * turn.
   */
  due(query: DueQuery): Promise<DueWork>;

  /**
   * The send admission: judges and charges all conditions and moves `waiting` to `sending` with a new attempt
   * row, in one all-or-nothing step.
   *
   * In this order (an auto-reply is not among the "earlier messages"):
   * 1. not `waiting` any more (or erased, or of another scope): `gone`. With `setAsideMs`: past its expiry `cancelled`,
   *    else `waiting` for so long, and nothing else is judged; so is a message that is `unknown`.
   * 2. past its expiry: `cancelled`. Found over a minute late: `waiting` for 10 s instead, and only then `cancelled`,
   *    since the clock may be ahead for a moment.
   * 3. `conditions.cancel`: `cancelled` with that reason. The person opted out where consent is required, or the
   *    conversation paused where that is forbidden (what a turn said while it handed over is not), or an earlier part
   *    of its group `failed`, `undelivered`, `cancelled` or `held`: `cancelled`.
   * 4. an earlier part of its group is not yet taken by the provider, or an earlier message of its conversation is
   *    `waiting` or `sending`: `waiting` with `retryInMs` null, not due until that one moves. An earlier message of
   *    another group is `unknown`: `waiting` for what is left of `orderWaitMs` since it became so; after that it is
   *    overtaken.
   * 5. `conditions.delayMs`: `waiting` that long. A full counter that says so: `cancelled` with its reason. Else a
   *    full counter: `waiting` until its window ends (the last of them, where several are full). No counter is charged
   *    unless the message is claimed.
   * 6. `conditions.rateLimit`: the sender's rate limit, a queue of reservations under `rateLimit.key`. A message that
   *    holds a reservation whose time has come goes on and gives it up. Else, where the rate limit is free (its
   *    `freeAt` has passed), the message goes on and `freeAt` becomes now + `costMs`. Else it takes the next
   *    reservation (at `freeAt`, which is raised by `costMs`) and is `waiting` until then; a message that holds a
   *    reservation in the future keeps it and waits. A rate limit that was slowed down since ({@link SendResultRecord}
   *    `backOff`) makes every reservation that was made before void: the message takes a new one. Slowed down by
   *    `forMs`, a rate limit is free again after that time, after an earlier one that is not over, and after the
   *    reservation that left last: void reservations do not block the queue. So a queue of n messages costs one
   *    reservation each, keeps its order, and is fair: a conversation has one message in it at a time. A message that
   *    is cancelled or expires leaves its reservation empty. With `expiryMs`, it expires so long after its reservation.
   * 7. `claimed`: the message goes to the conversation's `participant`, every counter is charged, and the worker is
   *    registered as alive for `leaseMs`.
   *
   * A `cancelled` message takes the later parts of its group with it: those in `waiting` or `held`, here and wherever
   * this file says so.
   */
  claimSend(claim: SendClaim): Promise<ClaimedSend>;

  /**
   * Records what the provider answered to an attempt. A delivery: not fenced, accepted in any state.
   *
   * - `accepted`: the attempt takes the provider's id and rises to `status` (by rank). A second provider's id for one
   *   message is kept, and `duplicate` is true.
   * - `refused`, next `retry`: the attempt is `refused`, the message is `waiting` again, due after `retryInMs`; unless
   *   another attempt of it may have left, whose state it then shows (an `unknown` one is then due to be settled after
   *   `retryInMs`). Next `fail`: `failed`, and the later parts are cancelled; unless another attempt is `sending` or
   *   known to the provider, whose state it then shows. Next `opt-out`: as `fail`, and the consent row becomes
   *   opted-out (source `refused-send`) with all that {@link Storage.recordInbound} says about that, `answeredSeq`
   *   becoming `inboundSeq`; but where the row became opted-in, or said so anew, after the attempt's `startedAt`, the
   *   refusal is from before that, and the consent stays. A refusal of an attempt that the provider is known to have
   *   taken changes no attempt and no message.
   * - `unknown`: the attempt and the message are `unknown`, due to be looked at after `lookInMs`, unless a delivery
   *   came first.
   * - `found`: as `accepted`, for an attempt that is `unknown` and which the provider's list shows; but where any
   *   attempt (this one too) has that provider's id already, or an erased one had it, or where this one is not
   *   `unknown` (any more), nothing changes: `repeated`.
   * - `unseen`: the provider's list does not show it (yet). A message that is still `unknown` is due to be looked at
   *   again after `lookInMs`, and keeps the first `asOf` that was not `null` as its `evidenceSince` (until it becomes
   *   `unknown` anew); nothing else changes, and `changed` is false. In any other state nothing changes: `repeated`.
   *
   * A `backOff` of a refusal holds the rate limit under its key back for all: its `freeAt` becomes at least now +
   * `forMs`, and every reservation made before is void. So it does where the refusal itself changes nothing, unless
   * there is no such attempt.
   *
   * The message's status is the best of its attempts, without those in `unknown` behind which another one has left:
   * about them it was decided already, and no second decision follows from them. What the provider reports of one
   * replaces `waiting`, `held`, `cancelled` and our own `failed` too, so that nothing is sent twice. Each step forward
   * of a message makes the next one of its conversation due, but not before a time that a refusal or a condition set
   * for that one.
   */
  recordSend(record: SendRecord): Promise<RecordedDelivery>;

  /**
   * Records a status callback. A delivery: kept as an event (repetitions are counted, not kept), merged by rank. Found
   * by (outbound id, attempt) or else by the provider's id. A callback for an attempt in `sending` or `unknown` proves
   * that it was accepted: the attempt takes the provider's id. `optOut` does what `opt-out` does to the consent in
   * {@link Storage.recordSend}. A message that became `failed` or `undelivered` takes the later parts of its group with
   * it.
   *
   * A failure whose `retry` is given is temporary: where none of the message's attempts can have arrived, it is in
   * `waiting` again, in its place, and due after `firstMs`, doubled with each attempt made so far, at most `mostMs`. It
   * is claimed like any other message, so every condition is judged anew. Not so for an auto-reply, nor where the
   * message is held, cancelled or failed, or expires before then: the failure is final. While it waits, further reports
   * of a failure of that attempt change nothing, and a delivery ends the wait. A `found` of {@link Storage.recordSend}
   * does the same.
   *
   * A repetition has the provider's id, `status`, `rawStatus` and error code of an event of the same attempt; its
   * outcome is `repeated`.
   */
  recordStatus(record: StatusRecord): Promise<RecordedDelivery>;

  /**
   * What speaks against an entry of the provider's list being the evidence of an `unknown` message: which attempts may
   * have made an entry that the ledger does not know yet, and have the same content (body and media) in the same
   * conversation, its own among them, by `startedAt` (then by the message's `seq`, then by attempt): those in
   * `unknown`, in any state of their message, and those in `sending` of messages in `sending`, without auto-replies.
   * And which of the given provider's ids are known already, to any attempt, or to one that was erased, in the order
   * asked. No such message: no attempts.
   */
  competingAttempts(query: CompetingAttemptsQuery): Promise<CompetingAttempts>;

  /**
   * Settles a message of which no evidence came, or that is held, by a decision of the policy or of a person. Only
   * where its status is among `from` and, if `attempts` is given, its `attempts` are still that many (no worker has
   * tried again since); otherwise nothing changes: outcome `repeated`, and `message` is its present form.
   *
   * - `resend`: `waiting` without an error, due now, with a new expiry of `expiryMs` from now where the old one would
   *   be earlier. What was cancelled with it does not come back.
   * - `sent`: `accepted`, and with it its newest attempt, if that one is `unknown`: a person knows that it left. What
   *   waited behind it goes on.
   * - `hold`, `drop`: `held` or `failed` (with the reason as its error), and the later parts of its group are
   *   cancelled. To hold what is held only replaces the reason: `recorded`, and `changed` is false.
   */
  resolve(resolution: Resolution): Promise<RecordedDelivery>;

  /**
   * Makes a turn that ended in `fallback` unanswered again, so that its texts are answered anew, by a turn of its own:
   * `answeredSeq` goes back to before its first text, the conversation is unanswered and due now (when it is resumed,
   * if it is paused), without backoff; a `unansweredSince` that newer texts set is kept. Outcome `requeued`; else
   * nothing changes, and it is the first of these that holds: `unmatched` where there is no such turn or none of its
   * texts is left, `newer` where a later turn of the conversation exists, `not-failed` where it did not end in
   * `fallback`, `opted-out` where its person has opted out.
   */
  requeueTurn(requeue: TurnRequeue): Promise<RequeuedTurn>;

  /**
   * After a restore from a backup: what stands as `waiting` or `sending` may have left in the time that the backup does
   * not know. At most `limit` of them, oldest first (by `createdAt`, then id), become `unknown` without an error, each
   * with an attempt in `unknown` that belongs to no worker (the next one for an `waiting`, the present one for a
   * `sending`), started at the message's `createdAt`; due to be looked at after `lookInMs`. Returns them in that order;
   * none left: empty. An auto-reply is left alone.
   */
  markUnknown(suspicion: UnknownMark): Promise<readonly OutboundMessage[]>;

  /**
   * Pauses or resumes a conversation. Pausing takes the lease away from a running turn, which stays open, and raises
   * the fence; nothing of it is due until it is resumed. Resuming with `skipUnanswered` counts everything so far
   * (`inboundSeq`) as answered and ends an open turn as `cancelled`; without it, what is unanswered is due at once,
   * without its backoff. A conversation that is so already stays as it is. `null` when there is none.
   */
  setPaused(change: PauseChange): Promise<Conversation | null>;

  /** What is known about a person's consent, `null` where nothing is. */
  consent(consentKey: string): Promise<Consent | null>;

  conversation(id: string): Promise<Conversation | null>;

  /** Newest activity first; at most `limit`, after the cursor of the last page. Without those that cannot be read. */
  conversations(page: ConversationPage): Promise<ConversationList>;

  /**
   * By `seq`: upwards after `after`, or downwards before `before` (newest first). At most `limit`.
   *
   * @throws OwnlineError `storage_corrupt` where one of them cannot be read
   */
  messages(page: MessagePage): Promise<readonly Message[]>;

  /**
   * The messages that are new or have changed since a position, by `changedSeq` upwards, at most `limit`. Without those
   * that cannot be read.
   */
  changes(page: ChangePage): Promise<readonly Message[]>;

  /** Everything that the ledger knows about a message, `null` where there is no such message. */
  story(messageId: string): Promise<MessageStory | null>;

  /**
   * Forgets a person, in either spelling of the number: conversations, messages, turns, attempts and events, on one
   * line or on all. Tombstones stay for every inbound key, send key and provider's id, so that nothing is inserted,
   * sent or matched again; the consent row stays under its opaque key. A running turn finds its lease lost. A text with
   * a new key begins a new conversation.
   */
  erase(order: EraseOrder): Promise<Erased>;

  /**
   * Retention: removes up to `limit` messages older than `olderThanMs` that nothing waits for (no unanswered text, no
   * message that is not final), oldest first, leaving tombstones as {@link Storage.erase} does; conversations that
   * have no message left and are not paused; and stored answers that are over an hour old.
   */
  purge(order: PurgeOrder): Promise<Erased>;

  /**
   * Claims the search for lost webhooks of one sender, if `everyMs` have passed since the last commit and no other
   * worker is at it (a claim ends by its commit or after `leaseMs`). `null` otherwise.
   */
  claimSweep(claim: SweepClaim): Promise<ClaimedSweep | null>;

  /**
   * Which of these keys of {@link InboundRecord} no text was ever recorded under, not even one that was erased, in the
   * order asked. At most 1000.
   */
  unrecorded(keys: readonly string[]): Promise<readonly string[]>;

  /**
   * The open windows among these counters, in any order. A counter that was never charged, or whose window is over, is
   * left out. A read: it charges nothing, and another process may charge right after it. At most 1000 keys.
   */
  counters(keys: readonly string[]): Promise<readonly OpenCounter[]>;

  /** Moves the watermark and ends the claim; false when the claim was lost: a later one has a higher fence. */
  commitSweep(commit: SweepCommit): Promise<boolean>;
}

export interface OpenedLedger {
  /** At least 32 random characters, made once; the key under which people's consent is filed. */
  readonly secret: string;
}
