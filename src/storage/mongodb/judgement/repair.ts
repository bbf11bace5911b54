import type { OutboundMessage } from "../../../model/message.ts";
import type { RequeuedTurn, Suspicion, TurnRequeue } from "../../storage.ts";
import { change, doubt, type Ledger, refreshDue, setAttempt, show } from "./ledger.ts";
import type { AttemptRow, InboundRow, MessageRow, OutboundRow } from "./rows.ts";
import { shownMessages } from "./rows.ts";

/** See {@link Storage.requeueTurn}. */
export function requeueTurn(ledger: Ledger, { turnId }: TurnRequeue): RequeuedTurn {
  const turn = ledger.turns.get(turnId);
  if (turn === undefined || turn.texts.length === 0) return { outcome: "unmatched", conversation: null };
  const row = turn.conversation;
  const refuse = (outcome: RequeuedTurn["outcome"]) => ({ outcome, conversation: row.shown });
  if (row.turns.at(-1) !== turn) return refuse("newer");
  if (turn.shown.outcome !== "fallback") return refuse("not-dead");
  if (ledger.consents.get(row.consentKey)?.state === "opted-out") return refuse("opted-out");
  const now = ledger.clock.now();
  show(ledger, row, { answeredSeq: turn.firstSeq - 1 });
  row.pending = row.messages.filter(needsAnswer).filter((text) => text.message.seq >= turn.firstSeq);
  row.pendingSince ??= now;
  row.backoffUntil = 0;
  row.dueAt = row.shown.paused ? null : now;
  refreshDue(ledger, row);
  return { outcome: "requeued", conversation: row.shown };
}

function needsAnswer(row: MessageRow): row is InboundRow {
  return row.direction === "inbound" && row.message.needsAnswer;
}

/** See {@link Storage.suspect}. */
export function suspect(ledger: Ledger, { limit, lookInMs }: Suspicion): readonly OutboundMessage[] {
  const now = ledger.clock.now();
  const suspected: OutboundRow[] = [];
  for (const row of ledger.leaving.from({ at: Number.NEGATIVE_INFINITY, id: "" })) {
    if (suspected.length >= limit) break;
    suspected.push(row);
  }
  for (const row of suspected) {
    const attempt = (row.message.status === "sending" ? row.attempts.at(-1) : undefined) ?? newAttempt(row);
    attempt.startedAt = row.message.createdAt;
    setAttempt(ledger, attempt, "unknown", null);
    row.slot = null;
    doubt(row, now, lookInMs);
    change(ledger, row, { status: "unknown", attempts: row.attempts.length, error: null });
  }
  for (const row of suspected) refreshDue(ledger, row.conversation);
  return shownMessages(suspected);
}

function newAttempt(row: OutboundRow): AttemptRow {
  const place = { message: row, attempt: row.attempts.length + 1, startedAt: row.message.createdAt };
  const attempt: AttemptRow = {
    ...place,
    workerId: null,
    status: "unknown",
    carrierId: null,
    error: null,
    events: [],
  };
  row.attempts.push(attempt);
  return attempt;
}
