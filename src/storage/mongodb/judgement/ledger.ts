import type { Conversation } from "../../../model/conversation.ts";
import type { AttemptStatus, DeliveryStatus } from "../../../model/delivery-status.ts";
import type { MessageError, OutboundMessage } from "../../../model/message.ts";
import type { StorageClock } from "../../clock.ts";
import { firstIndex, SortedIndex } from "../../memory/sorted-index.ts";
import type { Consent } from "../../storage.ts";
import type {
  AttemptRow,
  ConversationRow,
  CounterRow,
  InboundRow,
  MessageRow,
  OutboundRow,
  PaceRow,
  SweepRow,
  TurnRow,
  WorkerRow,
} from "./rows.ts";

/** What was recorded under a key: rows, or nothing any more. */
export type Kept<T> = T | "erased";

/** The tables of the reference storage. */
export class Ledger {
  readonly clock: StorageClock;
  readonly conversations: Map<string, ConversationRow> = new Map<string, ConversationRow>();
  readonly conversationByAddress: Map<string, ConversationRow> = new Map<string, ConversationRow>();
  readonly conversationsByParticipant: Map<string, Set<ConversationRow>> = new Map<string, Set<ConversationRow>>();
  readonly conversationsByConsentKey: Map<string, Set<ConversationRow>> = new Map<string, Set<ConversationRow>>();
  readonly messages: Map<string, MessageRow> = new Map<string, MessageRow>();
  readonly inboundByKey: Map<string, Kept<InboundRow>> = new Map<string, Kept<InboundRow>>();
  readonly groupByKey: Map<string, Kept<readonly OutboundRow[]>> = new Map<string, Kept<readonly OutboundRow[]>>();
  readonly attemptByCarrierId: Map<string, Kept<AttemptRow>> = new Map<string, Kept<AttemptRow>>();
  readonly turns: Map<string, TurnRow> = new Map<string, TurnRow>();
  readonly consents: Map<string, Consent> = new Map<string, Consent>();
  readonly counters: Map<string, CounterRow> = new Map<string, CounterRow>();
  readonly paces: Map<string, PaceRow> = new Map<string, PaceRow>();
  readonly workers: Map<string, WorkerRow> = new Map<string, WorkerRow>();
  readonly sweeps: Map<string, SweepRow> = new Map<string, SweepRow>();
  /** By due time: what may be claimed. */
  readonly dueTurns: SortedIndex<ConversationRow> = new SortedIndex<ConversationRow>();
  /** By due time: what is to be sent or settled. */
  readonly dueMessages: SortedIndex<OutboundRow> = new SortedIndex<OutboundRow>();
  /** By age: what was not handed over, or whose answer is not there yet. */
  readonly leaving: SortedIndex<OutboundRow> = new SortedIndex<OutboundRow>();
  /** By newest message. */
  readonly recent: SortedIndex<ConversationRow> = new SortedIndex<ConversationRow>();
  /** By age. */
  readonly oldest: SortedIndex<MessageRow> = new SortedIndex<MessageRow>();

  constructor(clock: StorageClock) {
    this.clock = clock;
  }
}

/** The key of a line and a participant. Neither can hold a NUL. */
export function addressOf(line: string, participant: string): string {
  return `${line}\0${participant}`;
}

/** Changes what a conversation shows, and its place among the recent ones. */
export function show(ledger: Ledger, row: ConversationRow, changed: Partial<Conversation>): void {
  const before = row.shown;
  row.shown = { ...before, ...changed };
  if (row.shown.updatedAt === before.updatedAt) return;
  ledger.recent.delete({ at: before.updatedAt, id: before.id });
  ledger.recent.add({ at: row.shown.updatedAt, id: before.id }, row);
}

/** Gives the conversation's next position. */
export function nextPosition(row: ConversationRow): number {
  row.shown = { ...row.shown, seq: row.shown.seq + 1 };
  return row.shown.seq;
}

/** Files a new message, whose `seq` was the conversation's next position. */
export function fileMessage(ledger: Ledger, row: MessageRow): void {
  const { conversation, message } = row;
  ledger.messages.set(message.id, row);
  ledger.oldest.add({ at: message.createdAt, id: message.id }, row);
  conversation.messages.push(row);
  if (row.direction === "outbound") indexLeaving(ledger, row, true);
  conversation.changes.push({ position: message.seq, row });
  show(ledger, conversation, { updatedAt: message.createdAt });
}

/** Changes what a message shows. A new status takes the conversation's next position and lets the next ones move. */
export function change(ledger: Ledger, row: OutboundRow, changed: Partial<OutboundMessage>): void {
  const before = row.message;
  row.message = { ...before, ...changed };
  if (row.message.status === before.status) return;
  const { conversation } = row;
  const position = nextPosition(conversation);
  row.message = { ...row.message, changedSeq: position };
  conversation.changes.push({ position, row });
  if (conversation.changes.length > 2 * conversation.messages.length) {
    conversation.changes = conversation.changes.filter((entry) => entry.row.message.changedSeq === entry.position);
  }
  if (row.message.origin === "auto-reply") return;
  if (isLeaving(before.status) !== isLeaving(row.message.status)) {
    indexLeaving(ledger, row, isLeaving(row.message.status));
  }
  for (const later of conversation.open) if (later.message.seq > row.message.seq) later.orderUntil = 0;
  const place = firstIndex(conversation.open, (open) => open.message.seq >= row.message.seq);
  const isListed = conversation.open[place] === row;
  if (isOpen(row.message.status) && !isListed) conversation.open.splice(place, 0, row);
  if (!isOpen(row.message.status) && isListed) conversation.open.splice(place, 1);
  if (!isOpen(row.message.status)) indexAt(ledger, row, null);
}

function isOpen(status: DeliveryStatus): boolean {
  return status === "intent" || status === "sending" || status === "unknown" || status === "held";
}

function isLeaving(status: DeliveryStatus): boolean {
  return status === "intent" || status === "sending";
}

/** Lists a message among those that are leaving, or takes it off. */
function indexLeaving(ledger: Ledger, row: OutboundRow, isListed: boolean): void {
  const { id, createdAt, origin } = row.message;
  if (origin === "auto-reply") return;
  if (isListed) ledger.leaving.add({ at: createdAt, id }, row);
  else ledger.leaving.delete({ at: createdAt, id });
}

/** Brings an attempt into another state. Whoever handed it over is done with it. */
export function setAttempt(
  ledger: Ledger,
  attempt: AttemptRow,
  status: AttemptStatus,
  error: MessageError | null,
): void {
  if (attempt.workerId !== null) ledger.workers.get(attempt.workerId)?.sending.delete(attempt);
  attempt.workerId = null;
  attempt.status = status;
  attempt.error = error;
  const { unsettled } = attempt.message.conversation;
  if (status === "unknown") unsettled.add(attempt);
  else unsettled.delete(attempt);
}

/** Begins, or begins anew, the time in which nobody knows what became of a message. */
export function doubt(row: OutboundRow, now: number, lookInMs: number): void {
  row.unknownSince = now;
  row.settleAt = now + lookInMs;
  row.witnessSince = null;
}

/** Cancels a message. */
export function cancel(ledger: Ledger, row: OutboundRow, error: MessageError): void {
  change(ledger, row, { status: "cancelled", error });
}

/** Cancels the later parts of a message's group that have not left. */
export function cancelLaterParts(ledger: Ledger, row: OutboundRow): OutboundRow[] {
  const later = row.group.filter((part) => part.message.part > row.message.part && isStoppable(part));
  const error = { code: null, reason: "An earlier part of the same text was not sent." };
  for (const part of later) cancel(ledger, part, error);
  return later;
}

function isStoppable(row: OutboundRow): boolean {
  return row.message.status === "intent" || row.message.status === "held";
}

/** Writes a consent row; a repeated opt-out leaves it as it is. Returns whether its state is another than before. */
export function setConsent(ledger: Ledger, key: string, consent: Consent): boolean {
  const before = ledger.consents.get(key)?.state;
  if (before === "opted-out" && consent.state === "opted-out") return false;
  ledger.consents.set(key, consent);
  return before !== consent.state;
}

/** What an opt-out stops: everything of the conversation up to a position, and all texts to the person. */
export function stopForOptOut(ledger: Ledger, row: ConversationRow, answeredSeq: number, now: number): OutboundRow[] {
  revokeLease(ledger, row);
  endOpenTurn(row, now);
  settlePending(ledger, row, answeredSeq);
  const stopped: OutboundRow[] = [];
  for (const conversation of ledger.conversationsByConsentKey.get(row.consentKey) ?? []) {
    for (const open of conversation.open.filter(isStoppable)) {
      cancel(ledger, open, { code: null, reason: "The person opted out." });
      stopped.push(open);
    }
    refreshDue(ledger, conversation);
  }
  return stopped;
}

/** Takes a conversation away from whoever has it. */
export function revokeLease(ledger: Ledger, row: ConversationRow): void {
  endLease(ledger, row);
  row.fence += 1;
}

/** The worker's own end of a lease. */
export function endLease(ledger: Ledger, row: ConversationRow): void {
  if (row.leasedTo !== null) ledger.workers.get(row.leasedTo)?.leases.delete(row);
  row.leasedTo = null;
}

/** Calls the open turn off. */
export function endOpenTurn(row: ConversationRow, now: number): void {
  if (row.turn === null) return;
  row.turn.shown = { ...row.turn.shown, outcome: "cancelled", committedAt: now };
  row.turn = null;
}

/** Counts everything up to a position as answered; what is newer keeps its due time. */
export function settlePending(ledger: Ledger, row: ConversationRow, answeredSeq: number): void {
  show(ledger, row, { answeredSeq });
  row.pending = row.pending.filter((text) => text.message.seq > answeredSeq);
  row.backoffUntil = 0;
  if (row.pending.length > 0) return;
  row.pendingSince = null;
  row.dueAt = null;
}

/** Marks a worker as alive; never shortens its time. */
export function keepAlive(ledger: Ledger, workerId: string, until: number): WorkerRow {
  const worker = ledger.workers.get(workerId) ?? { aliveUntil: until, leases: new Set(), sending: new Set() };
  worker.aliveUntil = Math.max(worker.aliveUntil, until);
  ledger.workers.set(workerId, worker);
  return worker;
}

/** Brings the due indexes in line with a conversation. Every change of one ends with it. */
export function refreshDue(ledger: Ledger, row: ConversationRow): void {
  const { id, paused } = row.shown;
  const claimableAt = row.leasedTo === null && !paused ? row.dueAt : null;
  if (row.indexedAt !== claimableAt) {
    if (row.indexedAt !== null) ledger.dueTurns.delete({ at: row.indexedAt, id });
    if (claimableAt !== null) ledger.dueTurns.add({ at: claimableAt, id }, row);
    row.indexedAt = claimableAt;
  }
  let isBehind = false;
  for (const open of row.open) {
    indexMessage(ledger, open, isBehind || waitsForOwnPart(open));
    if (open.message.status === "intent" || open.message.status === "sending") isBehind = true;
  }
}

function indexMessage(ledger: Ledger, row: OutboundRow, isBlocked: boolean): void {
  const intentAt = isBlocked ? null : Math.max(row.notBefore, row.orderUntil);
  const { status } = row.message;
  indexAt(ledger, row, status === "intent" ? intentAt : status === "unknown" ? row.settleAt : null);
}

function indexAt(ledger: Ledger, row: OutboundRow, at: number | null): void {
  if (row.indexedAt === at) return;
  const { id } = row.message;
  if (row.indexedAt !== null) ledger.dueMessages.delete({ at: row.indexedAt, id });
  if (at !== null) ledger.dueMessages.add({ at, id }, row);
  row.indexedAt = at;
}

/** Whether an earlier part of a message's group has not been taken by the carrier and still may be. */
export function waitsForOwnPart(row: OutboundRow): boolean {
  for (const part of row.group) {
    if (part === row) return false;
    const { status } = part.message;
    if (status === "intent" || status === "sending" || status === "unknown") return true;
  }
  return false;
}
