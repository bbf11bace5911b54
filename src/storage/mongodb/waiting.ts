import { isLedgerNumber } from "../ledger/corrupt.ts";
import { isAhead, latestRight } from "../ledger/rules/clock.ts";
import { isLeftToOthers } from "../ledger/rules/leases.ts";
import { keepable } from "../sql/statement.ts";
import type { DueQuery } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import { number } from "./fields.ts";
import { find, type Store } from "./store.ts";

/*
 * Conversations and messages that wait for their due time, as `due` and the claims look for them.
 */

/** The worker that asks, and its scope. */
type Asking = Pick<DueQuery, "scope" | "workerId">;

/** A filter that leaves out the conversations in `without`. `field`: the field that holds the conversation's id. */
export function leavingOut(field: "_id" | "conversationId", without: readonly string[] = []): object {
  return without.length === 0 ? {} : { [field]: { $nin: without } };
}

/**
 * The filter for work that a worker may take at its due time. For work that it has set aside, see `setAside` and
 * `LEFT_TO_OTHERS_MS`.
 */
export function notSetAside({ scope, workerId }: Asking): object {
  return { scope, setAsideBy: { $ne: keepable(workerId) } };
}

export function setAside({ scope, workerId }: Asking): object {
  return { scope, setAsideBy: keepable(workerId) };
}

/** The collections whose documents can become due, with the field that holds the due time. */
const WAITING = { conversations: "claimableAt", messages: "dueAt" } as const;

/** The latest `writtenAt` of a scope's documents that can become due; `null` if there are none. */
export async function newestWriting(store: Store, name: keyof typeof WAITING, scope: string): Promise<number | null> {
  // `$gte: 0` excludes values that are not numbers, which would sort before all times.
  const waiting = { scope, [WAITING[name]]: { $exists: true }, writtenAt: { $gte: 0 } };
  const newest = { sort: { writtenAt: -1 }, limit: 1, projection: { writtenAt: 1 } };
  const [doc] = await find(store, name, waiting, newest);
  return doc === undefined ? null : number(doc, "writtenAt");
}

interface Written {
  readonly scope: string;
  /** See {@link newestWriting}: usually it shows that no document was written ahead, so no query is needed. */
  readonly newest: number | null;
  readonly now: number;
  readonly limit: number;
  /** The conversations to leave out. */
  readonly without: readonly string[] | undefined;
}

/** Whether a clock ahead wrote the document. */
export function isWrittenAhead({ writtenAt }: MongoDocument, now: number): boolean {
  return typeof writtenAt === "number" && isAhead(writtenAt, now);
}

/** The documents that a clock ahead wrote, and whose due times are void. */
export async function writtenAhead(
  store: Store,
  name: keyof typeof WAITING,
  { scope, newest, now, limit, without }: Written,
): Promise<readonly MongoDocument[]> {
  if (newest === null || !isAhead(newest, now)) return [];
  const ahead = {
    scope,
    [WAITING[name]]: { $exists: true },
    writtenAt: { $gt: latestRight(now) },
    ...leavingOut(name === "messages" ? "conversationId" : "_id", without),
  };
  return await find(store, name, ahead, { sort: { writtenAt: -1 }, limit });
}

/** Whether the worker may claim the conversation now. A time that is not a number never comes. */
export function isClaimable({ claimableAt, setAsideBy }: MongoDocument, workerId: string, now: number): boolean {
  if (!isLedgerNumber(claimableAt)) return false;
  const row = { dueAt: claimableAt, setAsideBy: typeof setAsideBy === "string" ? setAsideBy : null };
  return claimableAt <= now && !isLeftToOthers(row, workerId, now);
}
