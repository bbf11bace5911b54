import type { DueLook, LedgerDatabase } from "../database.ts";
import { legible, type UnreadRow } from "../ledger/corrupt.ts";
import { LEFT_TO_OTHERS_MS, type MessageRow } from "../ledger/rows.ts";
import { conversationOf, outboundOf } from "../ledger/shown.ts";
import { isOutbound } from "../ledger/working-set.ts";
import type { DueMessage, UnknownState } from "../storage.ts";
import type { MongoDocument } from "./client.ts";
import { rowOf } from "./documents.ts";
import { holdersIn, leavingOut, notSetAside, setAside } from "./roots.ts";
import { find, findIn, readClock, type Store } from "./store.ts";

/**
 * See `LedgerDatabase.due`. The messages are read before their conversations, so one that is erased between is left out. What a
 * worker does about each of them is judged anew.
 */
export async function due(store: Store, query: DueLook): ReturnType<LedgerDatabase["due"]> {
  const { limit, without } = query;
  const corrupt: UnreadRow[] = [];
  const others = notSetAside(query);
  const own = setAside(query);
  const ofMessages = leavingOut("conversationId", without);
  const ofConversations = leavingOut("_id", without);
  const [now, first, ownFirst, turns, ownTurns, expiry] = await Promise.all([
    readClock(store),
    firstBy(store, "messages", { ...others, ...ofMessages }, "dueAt", limit + 1),
    firstBy(store, "messages", { ...own, ...ofMessages }, "dueAt", limit + 1),
    firstBy(store, "conversations", { ...others, ...ofConversations }, "claimableAt", 1),
    firstBy(store, "conversations", { ...own, ...ofConversations }, "claimableAt", 1),
    firstExpiry(store, query, corrupt),
  ]);
  const readRow = (doc: MongoDocument): MessageRow => rowOf("messages", doc);
  const rows = legible(first, corrupt, readRow).filter(isDueBy(now));
  const ownRows = legible(ownFirst, corrupt, readRow);
  const ownDue = ownRows.filter(isDueBy(now - LEFT_TO_OTHERS_MS));
  const nextOwn = ownRows.find(({ dueAt }) => dueAt !== null && dueAt > now - LEFT_TO_OTHERS_MS)?.dueAt ?? null;
  const turnTimes = timesIn(turns, "claimableAt");
  const ownTurnTimes = timesIn(ownTurns, "claimableAt").map((at) => at + LEFT_TO_OTHERS_MS);
  const [messages, nextMessage, nextTurn] = await Promise.all([
    dueMessages({ store, corrupt }, [...rows, ...ownDue].toSorted(byDueTime).slice(0, limit), now),
    nextAfter(store, "messages", { ...others, ...ofMessages }, "dueAt", now, timesIn(first, "dueAt")),
    nextAfter(store, "conversations", { ...others, ...ofConversations }, "claimableAt", now, turnTimes),
  ]);
  const times = [
    nextMessage,
    nextOwn === null ? null : nextOwn + LEFT_TO_OTHERS_MS,
    nextTurn,
    expiry === null ? null : Math.max(expiry, now),
  ].filter((at) => at !== null);
  return {
    found: {
      messages,
      turns: [...turnTimes, ...ownTurnTimes].some((at) => at <= now),
      nextInMs: times.length === 0 ? null : Math.min(...times) - now,
    },
    corrupt,
    now,
  };
}

/** What is no time comes never. */
function timesIn(docs: readonly MongoDocument[], field: string): readonly number[] {
  return docs.flatMap((doc) => {
    const at = doc[field];
    return typeof at === "number" ? [at] : [];
  });
}

function isDueBy(until: number): (row: MessageRow) => boolean {
  return ({ dueAt }) => dueAt !== null && dueAt <= until;
}

function byDueTime(one: MessageRow, other: MessageRow): number {
  const difference = (one.dueAt ?? 0) - (other.dueAt ?? 0);
  return difference !== 0 ? difference : one.id < other.id ? -1 : 1;
}

type Timed = "messages" | "conversations";

function firstBy(store: Store, name: Timed, filter: object, time: string, limit: number) {
  return find(store, name, { ...filter, [time]: { $exists: true } }, { sort: { [time]: 1, _id: 1 }, limit });
}

/** The first time behind now. `known`: the first times of all, and one more than can be due where there are more. */
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

/** When the first worker of the scope that holds anything expires, unless its heartbeat comes before. */
async function firstExpiry(store: Store, { scope, without }: DueLook, corrupt: UnreadRow[]): Promise<number | null> {
  const workers = await findIn(store, "workers", "_id", await holdersIn(store, without));
  const ofScope = legible(workers, corrupt, (doc) => rowOf("workers", doc)).filter((worker) => worker.scope === scope);
  return ofScope.length === 0 ? null : Math.min(...ofScope.map(({ aliveUntil }) => aliveUntil));
}

async function dueMessages(
  { store, corrupt }: { readonly store: Store; readonly corrupt: UnreadRow[] },
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
    const { consentKey } = conversation;
    const own = started.filter(({ outboundId }) => outboundId === row.id);
    const unknownState = row.status === "unknown" ? unknownStateOf(row, own, now) : null;
    return [
      { message: outboundOf(row), conversation: conversationOf(conversation), consentKey, unknown: unknownState },
    ];
  });
}

interface Started {
  readonly outboundId: string;
  readonly attempt: number;
  readonly startedAt: number;
}

function unknownStateOf(row: MessageRow, attempts: readonly Started[], now: number): UnknownState {
  return {
    forMs: now - (row.unknownSince ?? now),
    witnessSince: row.evidenceSince,
    attempts: attempts
      .toSorted((one, other) => one.attempt - other.attempt)
      .map(({ outboundId, attempt, startedAt }) => ({ outboundId, attempt, startedAt })),
  };
}
