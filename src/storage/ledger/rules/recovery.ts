import type { OutboundMessage } from "../../../model/message.ts";
import type { RequeuedTurn, TurnRequeue, UnknownMark } from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import { conversationOf, outboundOf } from "../shown.ts";
import type { Attempt, WorkingSet } from "../working-set.ts";
import { settleAttempt } from "./attempts.ts";
import { filedKey, isOptedOut, onlyKey } from "./consent.ts";
import { beginUnknown, changeStatus, refreshDue } from "./order.ts";
import { giveUpReservation } from "./rate-limit.ts";

/** See `Storage.requeueTurn`. */
export function requeueTurn(set: WorkingSet, { turnId, consents }: TurnRequeue): RequeuedTurn {
  const turn = set.turns.get(turnId);
  const conversation = set.root();
  if (turn === undefined || conversation === undefined || !hasAnsweredMessage(set, conversation.id, turn)) {
    return { outcome: "unmatched", conversation: null };
  }
  const refuse = (outcome: RequeuedTurn["outcome"]) => ({ outcome, conversation: conversationOf(conversation) });
  if (hasLaterTurn(set, turn)) return refuse("newer");
  if (turn.outcome !== "fallback" && turn.outcome !== "failed") return refuse("not-failed");
  if (isOptedOut(set, consents ?? onlyKey(filedKey(set, conversation)))) return refuse("opted-out");
  conversation.answeredSeq = turn.firstSeq - 1;
  conversation.unansweredSince ??= set.now;
  conversation.backoffUntil = 0;
  conversation.dueAt = conversation.paused ? null : set.now;
  return { outcome: "requeued", conversation: conversationOf(conversation) };
}

interface Span {
  readonly firstSeq: number;
  readonly throughSeq: number;
}

function hasAnsweredMessage(set: WorkingSet, conversationId: string, { firstSeq, throughSeq }: Span): boolean {
  set.needs("answered-first");
  return set.inboundOf(conversationId).some(({ seq, needsAnswer }) => {
    return needsAnswer && seq >= firstSeq && seq <= throughSeq;
  });
}

function hasLaterTurn(
  set: WorkingSet,
  turn: { readonly conversationId: string; readonly firstSeq: number; readonly repetition: number },
): boolean {
  set.needs("newest-turn");
  return [...set.turns.rows.values()].some(({ conversationId, firstSeq, repetition }) => {
    if (conversationId !== turn.conversationId) return false;
    return firstSeq > turn.firstSeq || (firstSeq === turn.firstSeq && repetition > turn.repetition);
  });
}

/** See `Storage.markUnknown`. */
export function markUnknown(set: WorkingSet, { lookInMs }: UnknownMark): readonly OutboundMessage[] {
  const rows = set.chosen();
  for (const row of rows) {
    const newest = row.status === "sending" ? set.attemptsOf(row).at(-1) : undefined;
    if (newest === undefined) addUnknownAttempt(set, row);
    else markAttempt(newest, row.createdAt);
    giveUpReservation(row);
    beginUnknown(row, set.now, lookInMs);
    changeStatus(set, row, "unknown", null);
  }
  set.needs("queue");
  for (const conversation of set.roots()) refreshDue(set, conversation.id);
  return rows.map(outboundOf);
}

function markAttempt(attempt: Attempt, startedAt: number): void {
  attempt.startedAt = startedAt;
  attempt.startedAfter = null;
  settleAttempt(attempt, "unknown", null);
}

/** Adds an attempt in `unknown`: the message may have left after the backup was made. */
function addUnknownAttempt(set: WorkingSet, row: Outbound): void {
  row.attempts += 1;
  const { id: outboundId, conversationId, attempts: attempt, createdAt: startedAt } = row;
  const outcome = {
    status: "unknown",
    providerMessageId: null,
    error: null,
    startedAfter: null,
    worker: null,
  } as const;
  set.attempts.add({ outboundId, conversationId, attempt, startedAt, ...outcome });
}
