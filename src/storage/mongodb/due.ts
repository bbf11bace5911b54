import type { DueLook, LedgerDatabase } from "../database.ts";
import { isLedgerNumber, legible, type UnreadRow } from "../ledger/corrupt.ts";
import { isOutbound } from "../ledger/directions.ts";
import type { MessageRow, WorkerRow } from "../ledger/rows.ts";
import { expiryOf, isAhead } from "../ledger/rules/clock.ts";
import { askedAgainAt, isLeftToOthers } from "../ledger/rules/leases.ts";
import { dueMessageOf } from "../ledger/shown.ts";
import type { DueMessage } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import { rowOf } from "./documents.ts";
import { holdersIn } from "./roots.ts";
import { find, findIn, readClock, type Store } from "./store.ts";
import { isClaimable, leavingOut, newestWriting, notSetAside, setAside, writtenAhead } from "./waiting.ts";

/**
 * See `LedgerDatabase.due`. The messages are read before their conversations. A message that is erased between the two
 * reads is left out. The ledger judges each message anew when the worker claims it.
 */
export async function due(store: Store, query: DueLook): ReturnType<LedgerDatabase["due"]> {
  const { limit, scope, without } = query;
  const corrupt: UnreadRow[] = [];
  const [messagesOf, conversationsOf] = [leavingOut("conversationId", without), leavingOut("_id", without)];
  const [others, own] = [notSetAside(query), setAside(query)];
  const [now, first, ownFirst, turns, ownTurns, holding, newest, newestTurn] = await Promise.all([
    readClock(store),
    firstBy(store, "messages", { ...others, ...messagesOf }, "dueAt", limit + 1),
    firstBy(store, "messages", { ...own, ...messagesOf }, "dueAt", limit + 1),
    firstBy(store, "conversations", { ...others, ...conversationsOf }, "claimableAt", 1),
    firstBy(store, "conversations", { ...own, ...conversationsOf }, "claimableAt", 1),
    workersThatHold({ store, corrupt }, query),
    newestWriting(store, "messages", scope),
    newestWriting(store, "conversations", scope),
  ]);
  const [ahead, aheadTurns] = await Promise.all([
    writtenAhead(store, "messages", { scope, newest, now, limit, without }),
    writtenAhead(store, "conversations", { scope, newest: newestTurn, now, limit: 1, without }),
  ]);
  const read = (docs: readonly MongoDocument[]) => legible(docs, corrupt, (doc) => rowOf("messages", doc));
  const isDue = ({ dueAt, writtenAt }: MessageRow): boolean =>
    dueAt !== null && dueAt <= now && !isAhead(writtenAt, now);
  const rows = read(first).filter(isDue);
  const ownRows = read(ownFirst);
  const ownDue = ownRows.filter((row) => isDue(row) && !isLeftToOthers(row, query.workerId, now));
  const nextOwn = ownRows.find((row) => isLeftToOthers(row, query.workerId, now));
  const turnTimes = timesIn(turns, "claimableAt");
  const isTurnDue = [...turns, ...ownTurns].some((doc) => isClaimable(doc, query.workerId, now));
  const chosen = [...read(ahead), ...[...rows, ...ownDue].toSorted(byDueTime)].slice(0, limit);
  const [messages, nextMessage, nextTurn] = await Promise.all([
    dueMessages({ store, corrupt }, chosen, now),
    nextAfter(store, "messages", { ...others, ...messagesOf }, "dueAt", now, timesIn(first, "dueAt")),
    nextAfter(store, "conversations", { ...others, ...conversationsOf }, "claimableAt", now, turnTimes),
  ]);
  const times = [
    nextMessage,
    nextOwn === undefined ? null : askedAgainAt(nextOwn, query.workerId, now),
    nextTurn,
    firstExpiry(holding, now),
  ].filter((at) => at !== null);
  return {
    found: {
      messages,
      turns: aheadTurns.length > 0 || isTurnDue,
      nextInMs: times.length === 0 ? null : Math.min(...times) - now,
    },
    corrupt,
    now,
  };
}

/** The times in a field. A value that is not a number is left out, so no worker waits for it. */
function timesIn(docs: readonly MongoDocument[], field: string): readonly number[] {
  return docs.flatMap((doc) => {
    const at = doc[field];
    return isLedgerNumber(at) ? [at] : [];
  });
}

function byDueTime(one: MessageRow, other: MessageRow): number {
  const difference = (one.dueAt ?? 0) - (other.dueAt ?? 0);
  return difference !== 0 ? difference : one.id < other.id ? -1 : 1;
}

type Timed = "messages" | "conversations";

function firstBy(store: Store, name: Timed, filter: object, time: string, limit: number) {
  return find(store, name, { ...filter, [time]: { $exists: true } }, { sort: { [time]: 1, _id: 1 }, limit });
}

/** The first time after now. `known`: the first times that were read; more times may follow them. */
async function nextAfter(
  store: Store,
  name: Timed,
  filter: object,
  time: string,
  now: number,
  known: readonly number[],
) {
  const later = known.find((at) => at > now);
  if (later !== undefined || known.length === 0) return later ?? null;
  const [doc] = await find(store, name, { ...filter, [time]: { $gt: now } }, { sort: { [time]: 1, _id: 1 }, limit: 1 });
  return doc === undefined ? null : (timesIn([doc], time)[0] ?? null);
}

interface Looking {
  readonly store: Store;
  readonly corrupt: UnreadRow[];
}

/** The workers of the scope that hold a lease or an attempt. */
async function workersThatHold(
  { store, corrupt }: Looking,
  { scope, without }: DueLook,
): Promise<readonly WorkerRow[]> {
  const workers = await findIn(store, "workers", "_id", await holdersIn(store, without));
  return legible(workers, corrupt, (doc) => rowOf("workers", doc)).filter((worker) => worker.scope === scope);
}

/** When the first of the workers expires if it sends no heartbeat before. `now` for a worker whose clock was ahead. */
function firstExpiry(workers: readonly WorkerRow[], now: number): number | null {
  if (workers.length === 0) return null;
  return Math.max(Math.min(...workers.map((worker) => expiryOf(worker, now))), now);
}

async function dueMessages(
  { store, corrupt }: Looking,
  rows: readonly MessageRow[],
  now: number,
): Promise<readonly DueMessage[]> {
  const unknown = rows.filter(({ status }) => status === "unknown").map(({ id }) => id);
  const [owners, attempts] = await Promise.all([
    findIn(
      store,
      "conversations",
      "_id",
      rows.map(({ conversationId }) => conversationId),
    ),
    findIn(store, "attempts", "outboundId", unknown),
  ]);
  const read = legible(owners, corrupt, (doc) => rowOf("conversations", doc));
  const conversations = new Map(read.map((row) => [row.id, row]));
  const started = legible(attempts, corrupt, (doc) => rowOf("attempts", doc)).filter(
    ({ status }) => status === "unknown",
  );
  return rows.flatMap((row): readonly DueMessage[] => {
    const conversation = conversations.get(row.conversationId);
    if (conversation === undefined || !isOutbound(row)) return [];
    const own = started.filter(({ outboundId }) => outboundId === row.id);
    return [dueMessageOf(row, conversation, own, now)];
  });
}
