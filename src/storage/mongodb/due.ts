import type { MessageRow } from "../ledger/rows.ts";
import { conversationOf, outboundOf } from "../ledger/shown.ts";
import { isOutbound } from "../ledger/working-set.ts";
import type { DueMessage, DueWork, UnknownState } from "../storage.ts";
import { rowOf } from "./documents.ts";
import { number } from "./fields.ts";
import { holdersIn } from "./roots.ts";
import { find, findIn, readClock, type Store } from "./store.ts";

/**
 * See `Storage.due`. The messages are read before their conversations, so one that is erased between is left out. What a
 * worker does about each of them is judged anew.
 */
export async function due(store: Store, limit: number): Promise<DueWork> {
  const [now, first, turns, expiry] = await Promise.all([
    readClock(store),
    firstBy(store, "messages", "dueAt", limit + 1),
    firstBy(store, "conversations", "claimableAt", 1),
    firstExpiry(store),
  ]);
  const rows = first.slice(0, limit).map((doc) => rowOf("messages", doc));
  const dueRows = rows.filter(({ dueAt }) => dueAt !== null && dueAt <= now);
  const turnTimes = turns.map((doc) => number(doc, "claimableAt"));
  const [messages, nextMessage, nextTurn] = await Promise.all([
    dueMessages(store, dueRows, now),
    nextAfter(
      store,
      "messages",
      "dueAt",
      now,
      first.map((doc) => number(doc, "dueAt")),
    ),
    nextAfter(store, "conversations", "claimableAt", now, turnTimes),
  ]);
  const times = [nextMessage, nextTurn, expiry === null ? null : Math.max(expiry, now)].filter((at) => at !== null);
  return {
    messages,
    turns: turnTimes.some((at) => at <= now),
    nextInMs: times.length === 0 ? null : Math.min(...times) - now,
  };
}

type Timed = "messages" | "conversations";

function firstBy(store: Store, name: Timed, time: string, limit: number) {
  return find(store, name, { [time]: { $exists: true } }, { sort: { [time]: 1, _id: 1 }, limit });
}

/** The first time behind now. `known`: the first times of all, and one more than can be due where there are more. */
async function nextAfter(store: Store, name: Timed, time: string, now: number, known: readonly number[]) {
  const later = known.find((at) => at > now);
  if (later !== undefined || known.length === 0) return later ?? null;
  const [doc] = await find(store, name, { [time]: { $gt: now } }, { sort: { [time]: 1, _id: 1 }, limit: 1 });
  return doc === undefined ? null : number(doc, time);
}

/** When the first worker that holds anything expires, unless its heartbeat comes before. */
async function firstExpiry(store: Store): Promise<number | null> {
  const workers = await findIn(store, "workers", "_id", await holdersIn(store));
  return workers.length === 0 ? null : Math.min(...workers.map((doc) => number(doc, "aliveUntil")));
}

async function dueMessages(store: Store, rows: readonly MessageRow[], now: number): Promise<readonly DueMessage[]> {
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
  const conversations = new Map(owners.map((doc) => rowOf("conversations", doc)).map((row) => [row.id, row]));
  const started = attempts.map((doc) => rowOf("attempts", doc)).filter(({ status }) => status === "unknown");
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
