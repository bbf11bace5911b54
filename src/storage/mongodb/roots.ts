import type { Plan, Root } from "../database.ts";
import { legible, type UnreadRow } from "../ledger/corrupt.ts";
import type { TurnRow } from "../ledger/rows.ts";
import { isExpired } from "../ledger/rules/clock.ts";
import { keepable } from "../sql/statement.ts";
import type { MongoDocument } from "./client.ts";
import { corruptDocument } from "./corrupt.ts";
import { keyId, rowOf } from "./documents.ts";
import { idIn } from "./fields.ts";
import type { CollectionName } from "./schema.ts";
import { find, findIn, readClock, type Store } from "./store.ts";
import {
  isClaimable,
  isWrittenAhead,
  leavingOut,
  newestWriting,
  notSetAside,
  setAside,
  writtenAhead,
} from "./waiting.ts";

/** The fields of an outbound message that never change. */
export interface MessageRef {
  readonly id: string;
  readonly conversationId: string;
  readonly groupId: string | null;
  readonly turnId: string | null;
}

/** The conversations and messages of a plan's root, found before the conversations are read. */
export interface Target {
  readonly plan: Plan;
  /** In the root's order. Empty for a root `address`, whose conversation is found later. */
  readonly conversationIds: readonly string[];
  readonly messages: readonly MessageRef[];
  /** The turn, if the root is a turn. */
  readonly turn: TurnRow | null;
}

/** The targets of plans, with the clock and the workers by which they were found. */
export interface Targets {
  /** The clock; `null` if it was not needed yet. Then it is read with the conversations. */
  readonly now: number | null;
  readonly targets: readonly Target[];
  /** Expired workers that hold something. */
  readonly expired: readonly MongoDocument[];
}

type RootBy<By extends Root["by"]> = Extract<Root, { readonly by: By }>;

/** The projection of messages before their conversations are read. */
const REF = { projection: { conversationId: 1, groupId: 1, turnId: 1 } };

/**
 * Finds the conversations and messages of plans. A plan that chooses among candidates is the only plan, because such a
 * call is decided alone. Rows that cannot be read are added to `corrupt`.
 */
export async function targetsOf(
  store: Store,
  plans: readonly Plan[],
  { runs, corrupt }: { readonly runs: number; readonly corrupt: UnreadRow[] },
): Promise<Targets> {
  const [only] = plans;
  switch (only?.root.by) {
    case "due":
      return await dueTargets(store, only, only.root, runs);
    case "workers":
      return await workerTargets({ store, corrupt }, only, only.root);
    case "unsent":
      return await unsentTargets({ store, corrupt }, only, only.root);
    default:
      return await namedTargets({ store, corrupt }, plans);
  }
}

interface Finding {
  readonly store: Store;
  readonly corrupt: UnreadRow[];
}

async function dueTargets(store: Store, plan: Plan, root: RootBy<"due">, runs: number): Promise<Targets> {
  const { limit, without } = root;
  const projection = { claimableAt: 1, setAsideBy: 1, writtenAt: 1 };
  const first = { sort: { claimableAt: 1, _id: 1 }, limit, projection };
  const claimable = { claimableAt: { $exists: true }, ...leavingOut("_id", without) };
  const [now, others, own, newest] = await Promise.all([
    readClock(store),
    find(store, "conversations", { ...notSetAside(root), ...claimable }, first),
    find(store, "conversations", { ...setAside(root), ...claimable }, first),
    newestWriting(store, "conversations", root.scope),
  ]);
  const isDue = (doc: MongoDocument) => isClaimable(doc, root.workerId, now) && !isWrittenAhead(doc, now);
  const ahead = await writtenAhead(store, "conversations", { scope: root.scope, newest, now, limit, without });
  const due = [...others, ...own].filter(isDue).toSorted(byClaimableAt);
  const ids = [...ahead, ...due].slice(0, limit).map(idIn);
  const conversationIds = runs === 1 ? ids : fromAnotherPlace(ids);
  return { now, targets: [{ plan, conversationIds, messages: [], turn: null }], expired: [] };
}

function byClaimableAt(one: MongoDocument, other: MongoDocument): number {
  return Number(one.claimableAt) - Number(other.claimableAt) || (idIn(one) < idIn(other) ? -1 : 1);
}

/** The ids from a random place on. Another process has taken the first candidate, so this one begins elsewhere. */
function fromAnotherPlace(ids: readonly string[]): readonly string[] {
  const place = Math.floor(Math.random() * ids.length);
  return [...ids.slice(place), ...ids.slice(0, place)];
}

/**
 * Finds what expired workers hold, starting from the leases and attempts. These are few, while there may be many
 * workers.
 */
async function workerTargets(
  { store, corrupt }: Finding,
  plan: Plan,
  { scope, workerId, limit, without }: RootBy<"workers">,
): Promise<Targets> {
  const held = { leaseWorker: keepable(workerId), ...leavingOut("_id", without) };
  const [now, holders, own] = await Promise.all([
    readClock(store),
    holdersIn(store),
    find(store, "conversations", held, { sort: { _id: 1 }, projection: { _id: 1 } }),
  ]);
  const workers = legible(await findIn(store, "workers", "_id", holders), corrupt, (doc) => {
    return { doc, worker: rowOf("workers", doc) };
  });
  const expired = workers.flatMap(({ doc, worker }) => {
    return worker.id !== workerId && worker.scope === scope && isExpired(worker, now) ? [doc] : [];
  });
  const ids = expired.map(idIn);
  const few = { sort: { _id: 1 }, limit, projection: { _id: 1 } };
  const [leases, requests] =
    ids.length === 0
      ? [[], []]
      : await Promise.all([
          find(store, "conversations", { leaseWorker: { $in: ids }, ...leavingOut("_id", without) }, few),
          find(
            store,
            "attempts",
            { worker: { $in: ids }, ...leavingOut("conversationId", without) },
            { limit, projection: { outboundId: 1, conversationId: 1 } },
          ),
        ]);
  const messageIds = legible(requests, corrupt, (doc) => {
    if (typeof doc.outboundId !== "string") throw corruptDocument("attempts", doc, "outboundId");
    return doc.outboundId;
  });
  const refs = await refsOf({ store, corrupt }, new Set(messageIds));
  const reclaimed = new Set(leases.map(idIn));
  const messages = [...refs.values()].filter(({ conversationId }) => {
    if (reclaimed.size < limit) reclaimed.add(conversationId);
    return reclaimed.has(conversationId);
  });
  const conversationIds = [...new Set([...own.map(idIn), ...reclaimed])];
  return { now, targets: [{ plan, conversationIds, messages, turn: null }], expired };
}

/** The workers that hold a lease or an attempt, in conversations that are not in `without`. */
export async function holdersIn(store: Store, without: readonly string[] = []): Promise<string[]> {
  const leased = { leaseWorker: { $exists: true }, ...leavingOut("_id", without) };
  const requested = { worker: { $exists: true }, ...leavingOut("conversationId", without) };
  const [leases, requests] = await Promise.all([
    store.collection("conversations").distinct("leaseWorker", leased, {}),
    store.collection("attempts").distinct("worker", requested, {}),
  ]);
  return [...new Set([...leases, ...requests])].filter((id) => typeof id === "string");
}

async function unsentTargets(
  { store, corrupt }: Finding,
  plan: Plan,
  { scope, limit, without }: RootBy<"unsent">,
): Promise<Targets> {
  const oldest = { sort: { createdAt: 1, _id: 1 }, limit, ...REF };
  const unsent = { scope, open: "queued", ...leavingOut("conversationId", without) };
  const docs = await find(store, "messages", unsent, oldest);
  return { now: null, targets: [ofMessages(plan, legible(docs, corrupt, refOf))], expired: [] };
}

async function namedTargets({ store, corrupt }: Finding, plans: readonly Plan[]): Promise<Targets> {
  const attempts = new Map<string, string>();
  const keys = new Map<string, string>();
  const ids: { readonly [N in "messages" | "turns"]: Set<string> } = { messages: new Set(), turns: new Set() };
  for (const { root } of plans) {
    if (root.by === "message") ids.messages.add(keepable(root.id));
    if (root.by === "turn") ids.turns.add(keepable(root.id));
    if (root.by !== "attempt") continue;
    if (root.outboundId !== null && root.attempt !== null) attempts.set(attemptId(root), keepable(root.outboundId));
    if (root.providerMessageId !== null) keys.set(root.providerMessageId, keyId("provider", root.providerMessageId));
  }
  const [foundAttempts, foundKeys, foundTurns] = await Promise.all([
    idsIn(store, "attempts", attempts.keys()),
    findIn(store, "keys", "_id", keys.values()),
    findIn(store, "turns", "_id", ids.turns),
  ]);
  const turns = new Map(legible(foundTurns, corrupt, (doc) => [idIn(doc), rowOf("turns", doc)] as const));
  const refByKey = new Map(legible(foundKeys, corrupt, (doc) => [idIn(doc), rowOf("keys", doc).ref] as const));
  const messageOf = (root: Root): string | null => {
    if (root.by === "message") return root.id;
    if (root.by !== "attempt") return null;
    if (root.outboundId !== null && root.attempt !== null && foundAttempts.has(attemptId(root))) return root.outboundId;
    return root.providerMessageId === null ? null : (refByKey.get(keyId("provider", root.providerMessageId)) ?? null);
  };
  const refs = await refsOf(
    { store, corrupt },
    plans.flatMap(({ root }) => messageOf(root) ?? []),
  );
  const targets = plans.map((plan): Target => {
    const { root } = plan;
    if (root.by === "conversation") {
      return { plan, conversationIds: [keepable(root.id)], messages: [], turn: null };
    }
    if (root.by === "turn") {
      const turn = turns.get(root.id) ?? null;
      return { plan, conversationIds: turn === null ? [] : [turn.conversationId], messages: [], turn };
    }
    const ref = refs.get(messageOf(root) ?? "");
    return ofMessages(plan, ref === undefined ? [] : [ref]);
  });
  return { now: null, targets, expired: [] };
}

function ofMessages(plan: Plan, messages: readonly MessageRef[]): Target {
  const conversationIds = [...new Set(messages.map(({ conversationId }) => conversationId))];
  return { plan, conversationIds, messages, turn: null };
}

function attemptId({ outboundId, attempt }: RootBy<"attempt">): string {
  return `${outboundId} ${attempt}`;
}

async function refsOf({ store, corrupt }: Finding, ids: Iterable<string>): Promise<ReadonlyMap<string, MessageRef>> {
  const docs = await findIn(store, "messages", "_id", ids, REF);
  return new Map(legible(docs, corrupt, (doc) => [idIn(doc), refOf(doc)] as const));
}

/** @throws CorruptRow if a message does not show its conversation, group or turn */
function refOf(doc: MongoDocument): MessageRef {
  const { conversationId, groupId = null, turnId = null } = doc;
  if (typeof conversationId !== "string") throw corruptDocument("messages", doc, "conversationId");
  if (groupId !== null && typeof groupId !== "string") throw corruptDocument("messages", doc, "groupId");
  if (turnId !== null && typeof turnId !== "string") throw corruptDocument("messages", doc, "turnId");
  return { id: idIn(doc), conversationId, groupId, turnId };
}

async function idsIn(store: Store, name: CollectionName, ids: Iterable<string>): Promise<ReadonlySet<string>> {
  return new Set((await findIn(store, name, "_id", ids, { projection: { _id: 1 } })).map(idIn));
}
