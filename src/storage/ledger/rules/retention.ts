import { isFinal } from "../../../model/delivery-status.ts";
import type { MessageRow } from "../rows.ts";
import { STORED_FOR_MS } from "./limits.ts";

/*
 * What the ledger may forget.
 */

/** The database forgets stored answers, and idle workers, that are older than this. */
export function storedSince(now: number): number {
  return now - STORED_FOR_MS;
}

/**
 * Whether retention may delete the message when it is old: an inbound message must not be unanswered, and an outbound
 * one must have a final status. `answeredSeq`: that of its conversation; `null` if it cannot be read.
 */
export function isDone(
  { status, needsAnswer, seq }: Pick<MessageRow, "status" | "needsAnswer" | "seq">,
  answeredSeq: number | null,
): boolean {
  if (status !== null) return isFinal(status);
  return needsAnswer === false || (answeredSeq !== null && seq <= answeredSeq);
}
