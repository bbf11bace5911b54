import { isInbound, isOutbound } from "../ledger/directions.ts";
import type { EventRow, MessageRow, TurnRow } from "../ledger/rows.ts";
import { conversationOf, inboundOf, messageOf, outboundOf, turnOf } from "../ledger/shown.ts";
import { keepable } from "../sql/statement.ts";
import type { AttemptStory, MessageStory, StatusEvent } from "../storage.ts";
import type { MongoSession } from "./client.ts";
import { rowOf } from "./documents.ts";
import { find, findIn, type Store } from "./store.ts";
import { reading } from "./transaction.ts";

/** See `Storage.story`. */
export function story(store: Store, messageId: string): Promise<MessageStory | null> {
  const id = keepable(messageId);
  return reading(store, "outside", async (session) => {
    const [doc] = await find(store, "messages", { _id: id }, {}, session);
    if (doc === undefined) return null;
    const row = rowOf("messages", doc);
    const [owner] = await find(store, "conversations", { _id: row.conversationId }, {}, session);
    if (owner === undefined) return null;
    const turn = await turnFor(store, session, row);
    const replies = (await repliesTo(store, session, row, turn)).filter(isOutbound);
    return {
      message: messageOf(row),
      conversation: conversationOf(rowOf("conversations", owner)),
      turn: turn === null ? null : turnOf(turn),
      answers: turn === null ? [] : (await answeredBy(store, session, turn)).filter(isInbound).map(inboundOf),
      replies: replies.map(outboundOf),
      attempts: await attemptsOf(store, session, row.status === null ? replies : [row]),
    };
  });
}

/** The turn that wrote an outbound message, or that claimed an inbound message last. */
async function turnFor(store: Store, session: MongoSession, row: MessageRow): Promise<TurnRow | null> {
  if (row.status !== null) {
    const [wrote] = await findIn(store, "turns", "_id", row.turnId === null ? [] : [row.turnId], { session });
    return wrote === undefined ? null : rowOf("turns", wrote);
  }
  if (row.needsAnswer !== true) return null;
  const before = { conversationId: row.conversationId, firstSeq: { $lte: row.seq } };
  const newest = { sort: { firstSeq: -1, repetition: -1 }, limit: 1 };
  const [doc] = await find(store, "turns", before, newest, session);
  const turn = doc === undefined ? null : rowOf("turns", doc);
  return turn !== null && turn.throughSeq >= row.seq ? turn : null;
}

async function repliesTo(
  store: Store,
  session: MongoSession,
  row: MessageRow,
  turn: TurnRow | null,
): Promise<readonly MessageRow[]> {
  const groups = row.status === null ? [turn?.id, row.autoReplyId] : [row.groupId];
  const docs = await findIn(
    store,
    "messages",
    "groupId",
    groups.flatMap((id) => id ?? []),
    { session },
  );
  return docs.map((doc) => rowOf("messages", doc)).toSorted((one, other) => one.seq - other.seq);
}

async function answeredBy(store: Store, session: MongoSession, turn: TurnRow): Promise<readonly MessageRow[]> {
  const { conversationId, firstSeq, throughSeq } = turn;
  const answered = { conversationId, needsAnswer: true, seq: { $gte: firstSeq, $lte: throughSeq } };
  const docs = await find(store, "messages", answered, { sort: { seq: 1 } }, session);
  return docs.map((doc) => rowOf("messages", doc));
}

async function attemptsOf(
  store: Store,
  session: MongoSession,
  messages: readonly MessageRow[],
): Promise<readonly AttemptStory[]> {
  const places = new Map(messages.map(({ id }, place) => [id, place]));
  const attempts = (await findIn(store, "attempts", "outboundId", places.keys(), { session })).map((doc) =>
    rowOf("attempts", doc),
  );
  const events = (await findIn(store, "events", "outboundId", places.keys(), { session })).map((doc) =>
    rowOf("events", doc),
  );
  const placeOf = (id: string): number => places.get(id) ?? 0;
  return attempts
    .toSorted((one, other) => placeOf(one.outboundId) - placeOf(other.outboundId) || one.attempt - other.attempt)
    .map(({ outboundId, attempt, status, providerMessageId, error, startedAt }) => {
      const own = events.filter((event) => event.outboundId === outboundId && event.attempt === attempt);
      return { outboundId, attempt, status, providerMessageId, error, startedAt, events: eventsOf(own) };
    });
}

function eventsOf(rows: readonly EventRow[]): readonly StatusEvent[] {
  return rows
    .toSorted((one, other) => one.position - other.position)
    .map(({ providerMessageId, status, rawStatus, error, at, times }) => {
      return { providerMessageId, status, rawStatus, error, at, times };
    });
}
