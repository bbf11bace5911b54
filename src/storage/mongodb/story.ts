import type { MessageRow, TurnRow } from "../ledger/rows.ts";
import { storyOf } from "../ledger/shown.ts";
import { keepable } from "../sql/statement.ts";
import type { MessageStory } from "../storage.ts";
import type { MongoSession } from "./client.ts";
import { rowOf } from "./documents.ts";
import { find, findIn, type Store } from "./store.ts";
import { reading } from "./transaction.ts";

/** See `Storage.story`. */
export function story(store: Store, messageId: string): Promise<MessageStory | null> {
  const asked = keepable(messageId);
  return reading(store, "outside", async (session) => {
    const [doc] = await find(store, "messages", { _id: asked }, {}, session);
    if (doc === undefined) return null;
    const row = rowOf("messages", doc);
    const [owner] = await find(store, "conversations", { _id: row.conversationId }, {}, session);
    if (owner === undefined) return null;
    const turn = await turnFor(store, session, row);
    const replies = await repliesTo(store, session, row, turn);
    const sent = (row.status === null ? replies : [row]).map(({ id }) => id);
    return storyOf({
      message: row,
      conversation: rowOf("conversations", owner),
      turn,
      answers: turn === null ? [] : await answeredBy(store, session, turn),
      replies,
      attempts: (await findIn(store, "attempts", "outboundId", sent, { session })).map((each) =>
        rowOf("attempts", each),
      ),
      events: (await findIn(store, "events", "outboundId", sent, { session })).map((each) => rowOf("events", each)),
    });
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
  return docs.map((doc) => rowOf("messages", doc));
}

async function answeredBy(store: Store, session: MongoSession, turn: TurnRow): Promise<readonly MessageRow[]> {
  const { conversationId, firstSeq, throughSeq } = turn;
  const answered = { conversationId, needsAnswer: true, seq: { $gte: firstSeq, $lte: throughSeq } };
  const docs = await find(store, "messages", answered, {}, session);
  return docs.map((doc) => rowOf("messages", doc));
}
