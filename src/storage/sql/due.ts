import type { DueWork, RivalQuery, Rivals, UnknownAttempt, UnknownState } from "../storage.ts";
import type { SqlRow } from "./driver.ts";
import type { Ledger } from "./operation.ts";
import { conversationOf, integer, integerOrNull, outboundOf, text } from "./rows.ts";

/** See `Storage.due`. */
export async function due(ledger: Ledger, limit: number): Promise<DueWork> {
  const [[later] = [], found = [], owners = [], attempts = []] = await ledger.read("due.work", { limit });
  if (later === undefined) throw new TypeError("A select without a table returned no row.");
  const byId = new Map(owners.map((row) => [text(row, "id"), conversationOf(row)]));
  return {
    messages: found.flatMap((row) => {
      const conversation = byId.get(text(row, "conversation_id"));
      if (conversation === undefined) return [];
      const consentKey = text(row, "consent_key");
      return [{ message: outboundOf(row), conversation, consentKey, unknown: unknownStateOf(row, attempts) }];
    }),
    turns: integer(later, "turns") === 1,
    nextInMs: soonest(later),
  };
}

function soonest(row: SqlRow): number | null {
  const times = ["next_turn", "next_message", "next_death"]
    .map((column) => integerOrNull(row, column))
    .filter((at) => at !== null);
  return times.length === 0 ? null : Math.max(0, Math.min(...times) - integer(row, "at"));
}

function unknownStateOf(row: SqlRow, attempts: readonly SqlRow[]): UnknownState | null {
  if (row.status !== "unknown") return null;
  return {
    forMs: integer(row, "unknown_for"),
    witnessSince: integerOrNull(row, "witness_since"),
    attempts: attempts
      .filter((attempt) => attempt.outbound_id === row.id)
      .toSorted((one, other) => integer(one, "n") - integer(other, "n"))
      .map(unknownAttemptOf),
  };
}

function unknownAttemptOf(row: SqlRow): UnknownAttempt {
  return {
    outboundId: text(row, "outbound_id"),
    attempt: integer(row, "n"),
    startedAt: integer(row, "started_at"),
  };
}

/** See `Storage.rivals`. */
export async function rivals(ledger: Ledger, { outboundId, carrierIds }: RivalQuery): Promise<Rivals> {
  const [found = [], rows = []] = await ledger.read("due.rivals", {
    outboundId,
    carrierIds: JSON.stringify(carrierIds),
  });
  const known = new Set(rows.map((row) => text(row, "key")));
  return {
    attempts: found.toSorted(byStart).map(unknownAttemptOf),
    known: carrierIds.filter((carrierId) => known.has(carrierId)),
  };
}

function byStart(one: SqlRow, other: SqlRow): number {
  for (const column of ["started_at", "seq", "n"]) {
    const difference = integer(one, column) - integer(other, column);
    if (difference !== 0) return difference;
  }
  return 0;
}
