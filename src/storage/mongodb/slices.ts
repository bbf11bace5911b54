import type { Loaded, Slice } from "../database.ts";
import { type Collected, type CollectedRows, historiesOf } from "../ledger/collected.ts";
import { legible } from "../ledger/corrupt.ts";
import type { ConversationRow, Table } from "../ledger/rows.ts";
import { STOPPABLE_STATUSES } from "../ledger/rules/order.ts";
import { keepable } from "../sql/statement.ts";
import type { MongoDocument } from "./client.ts";
import { keyId, rowOf } from "./documents.ts";
import { idIn } from "./fields.ts";
import type { MessageRef, Target } from "./roots.ts";
import { find, findIn, type Store } from "./store.ts";

/** The state of a load for several plans. */
export interface Loading {
  readonly store: Store;
  readonly rows: Collected;
  readonly targets: readonly Target[];
}

/** Adds rows by the ids of their documents. Rows that cannot be read are added to `corrupt`. */
export function collect<T extends Table>(rows: Collected, table: T, docs: readonly MongoDocument[]): void {
  const tables: CollectedRows = rows;
  for (const [id, row] of legible(docs, rows.corrupt, (doc) => [idIn(doc), rowOf(table, doc)] as const)) {
    tables[table].set(id, row);
  }
}

/** Loads the rows of the slices that plans name. Their conversations must be loaded already. */
export async function loadSlices(loading: Loading): Promise<void> {
  const { store, rows } = loading;
  const add = async <T extends Table>(table: T, docs: Promise<readonly MongoDocument[]>): Promise<void> => {
    collect(rows, table, await docs);
  };
  const withAttempts = refsWith(loading, "attempts").map(({ id }) => id);
  const openTurns = conversationsWith(loading, "open-turn").map(({ id }) => id);
  await Promise.all([
    add(
      "messages",
      findIn(
        store,
        "messages",
        "_id",
        allRefs(loading).map(({ id }) => id),
      ),
    ),
    add("attempts", findIn(store, "attempts", "outboundId", withAttempts)),
    add("events", findIn(store, "events", "outboundId", withAttempts)),
    add("messages", findIn(store, "messages", "groupId", groupsOf(loading))),
    add(
      "turns",
      findIn(
        store,
        "turns",
        "_id",
        refsWith(loading, "turn").flatMap(({ turnId }) => turnId ?? []),
      ),
    ),
    add("turns", openTurns.length === 0 ? nothing() : find(store, "turns", openTurnsOf(openTurns))),
    add("messages", anyOf(store, "messages", conversationsWith(loading, "unanswered").map(unansweredIn))),
    add("turns", anyOf(store, "turns", conversationsWith(loading, "turns-of-first").map(turnsBehindIn))),
    loadQueues(loading),
    ...targetsWith(loading, "stoppable").map((target) => loadStoppable(loading, target)),
    ...targetsWith(loading, "answered-first").map((target) => add("messages", answeredFirst(store, target))),
    ...conversationsWith(loading, "newest-turn").map(({ id }) => add("turns", newestTurn(store, id))),
  ]);
}

/** Loads the newest messages of the first due conversations. */
export async function loadHistories({ store, rows, targets }: Loading): Promise<Loaded["histories"]> {
  const asked = targets.flatMap(({ plan: { root, slices }, conversationIds }) => {
    if (root.by !== "due" || !slices.includes("history")) return [];
    return conversationIds
      .slice(0, root.wanted)
      .map((conversationId) => ({ conversationId, limit: root.historyLimit }));
  });
  const newest = asked.map(({ conversationId, limit }) =>
    find(store, "messages", { conversationId }, { sort: { seq: -1 }, limit }),
  );
  const found = (await Promise.all(newest)).flat();
  return historiesOf(legible(found, rows.corrupt, (doc) => rowOf("messages", doc)));
}

/** Loads the messages that were recorded under the keys of plans. The keys must be loaded already. */
export async function loadRecorded({ store, rows, targets }: Loading): Promise<void> {
  const refs = targets.flatMap(({ plan: { slices, keys = [] } }) => {
    if (!slices.includes("recorded")) return [];
    return keys.flatMap(({ kind, key }) => rows.keys.get(keyId(kind, key)) ?? []);
  });
  const refsOfKind = (kind: string): string[] => refs.flatMap((row) => (row.kind === kind ? (row.ref ?? []) : []));
  const [messages, groups] = await Promise.all([
    findIn(store, "messages", "_id", refsOfKind("inbound")),
    findIn(store, "messages", "groupId", refsOfKind("outbound")),
  ]);
  const found = legible([...messages, ...groups], rows.corrupt, (doc) => rowOf("messages", doc));
  const replies = await findIn(
    store,
    "messages",
    "_id",
    found.flatMap(({ autoReplyId }) => autoReplyId ?? []),
  );
  collect(rows, "messages", [...messages, ...groups, ...replies]);
  const others = found.map(({ conversationId }) => conversationId).filter((id) => !rows.conversations.has(id));
  collect(rows, "conversations", await findIn(store, "conversations", "_id", others));
}

/** The keys of the consents that plans need: the keys that the plan names, and those of the root's conversations. */
export function consentsOf({ rows, targets }: Loading): string[] {
  return targets.flatMap((target) => {
    const { consents = [], slices } = target.plan;
    return [...consents.map(keepable), ...(slices.includes("consent") ? consentKeysOf(rows, target) : [])];
  });
}

function consentKeysOf(rows: Collected, { conversationIds }: Target): string[] {
  return conversationIds.flatMap((id) => rows.conversations.get(id)?.consentKey ?? []);
}

function targetsWith({ targets }: Loading, slice: Slice): readonly Target[] {
  return targets.filter(({ plan }) => plan.slices.includes(slice));
}

function conversationsWith(loading: Loading, slice: Slice): readonly ConversationRow[] {
  const ids = new Set(targetsWith(loading, slice).flatMap(({ conversationIds }) => conversationIds));
  return [...ids].flatMap((id) => loading.rows.conversations.get(id) ?? []);
}

function allRefs({ targets }: Loading): readonly MessageRef[] {
  return targets.flatMap(({ messages }) => messages);
}

function refsWith(loading: Loading, slice: Slice): readonly MessageRef[] {
  return targetsWith(loading, slice).flatMap(({ messages }) => messages);
}

function groupsOf(loading: Loading): string[] {
  return refsWith(loading, "group").flatMap(({ groupId }) => groupId ?? []);
}

async function nothing(): Promise<readonly MongoDocument[]> {
  return [];
}

/** The documents that fulfil one of these conditions. An index serves each condition. */
async function anyOf(store: Store, name: "messages" | "turns", conditions: readonly object[]) {
  return conditions.length === 0 ? await nothing() : await find(store, name, { $or: conditions });
}

function openTurnsOf(conversationIds: readonly string[]): object {
  return { conversationId: { $in: conversationIds }, open: true };
}

function unansweredIn({ id, answeredSeq }: ConversationRow): object {
  return { conversationId: id, needsAnswer: true, seq: { $gt: answeredSeq } };
}

/**
 * The turns that begin after `answeredSeq`. They are few, and include the turns that begin with the first unanswered
 * message.
 */
function turnsBehindIn({ id, answeredSeq }: ConversationRow): object {
  return { conversationId: id, firstSeq: { $gt: answeredSeq } };
}

async function answeredFirst(store: Store, { turn }: Target): Promise<readonly MongoDocument[]> {
  if (turn === null) return [];
  const { conversationId, firstSeq, throughSeq } = turn;
  const answered = { conversationId, needsAnswer: true, seq: { $gte: firstSeq, $lte: throughSeq } };
  return await find(store, "messages", answered, { sort: { seq: 1 }, limit: 1 });
}

function newestTurn(store: Store, conversationId: string): Promise<readonly MongoDocument[]> {
  return find(store, "turns", { conversationId }, { sort: { firstSeq: -1, repetition: -1 }, limit: 1 });
}

/**
 * How many queued messages one query returns beyond one for each conversation. Most conversations have at most one, so
 * one query usually returns the first message of each conversation.
 */
const QUEUED_AT_ONCE = 100;

/** Loads the messages in `unknown`, and the first message in `waiting` or `sending` that is not in a loaded group. */
async function loadQueues(loading: Loading): Promise<void> {
  const { store, rows } = loading;
  const ids = conversationsWith(loading, "queue").map(({ id }) => id);
  if (ids.length === 0) return;
  const groups = groupsOf(loading);
  const others = groups.length === 0 ? {} : { groupId: { $nin: groups } };
  const limit = ids.length + QUEUED_AT_ONCE;
  const queued = { conversationId: { $in: ids }, open: "queued", ...others };
  const [unknown, first] = await Promise.all([
    find(store, "messages", { conversationId: { $in: ids }, open: "unknown" }),
    find(store, "messages", queued, { sort: { conversationId: 1, seq: 1 }, limit }),
  ]);
  collect(rows, "messages", [...unknown, ...firstOfEach(first)]);
  if (first.length < limit) return;
  // The limit cut the result. Conversations that it does not contain are queried one by one.
  const mentioned = new Set(first.map(({ conversationId }) => conversationId));
  for (const id of ids.filter((each) => !mentioned.has(each))) {
    const one = { conversationId: id, open: "queued", ...others };
    collect(rows, "messages", await find(store, "messages", one, { sort: { seq: 1 }, limit: 1 }));
  }
}

function firstOfEach(docs: readonly MongoDocument[]): readonly MongoDocument[] {
  return docs.filter(({ conversationId }, at) => conversationId !== docs[at - 1]?.conversationId);
}

async function loadStoppable({ store, rows }: Loading, target: Target): Promise<void> {
  const keys = target.plan.consents?.map(keepable) ?? consentKeysOf(rows, target);
  collect(rows, "conversations", await findIn(store, "conversations", "consentKey", keys));
  const filed = [...rows.conversations.values()].filter(({ consentKey }) => keys.includes(consentKey));
  const ids = new Set([...filed.map(({ id }) => id), ...target.conversationIds]);
  if (ids.size === 0) return;
  const open = { conversationId: { $in: [...ids] }, open: { $in: ["queued", "held"] } };
  const docs = await find(store, "messages", open);
  collect(
    rows,
    "messages",
    docs.filter(({ status }) => STOPPABLE_STATUSES.some((each) => each === status)),
  );
}
