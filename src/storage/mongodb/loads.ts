import type { Loaded, Plan } from "../database.ts";
import { type Collected, collected, listsOf } from "../ledger/collected.ts";
import { legible } from "../ledger/corrupt.ts";
import { keepable } from "../sql/statement.ts";
import { answerOf } from "./corrupt.ts";
import { keyId } from "./documents.ts";
import { idIn } from "./fields.ts";
import { type Target, targetsOf } from "./roots.ts";
import { collect, consentsOf, type Loading, loadHistories, loadRecorded, loadSlices } from "./slices.ts";
import { find, findIn, readClock, type Store } from "./store.ts";
import { demand } from "./transaction.ts";

/**
 * Loads the rows of plans without a transaction: the conversations, then their rows, then the versions of the
 * conversations again. If no version has changed, all rows are of one moment.
 *
 * @throws Moved if a version has changed
 */
export async function load(store: Store, plans: readonly Plan[], runs: number): Promise<Loaded> {
  const rows = collected();
  const { now: known, targets: named, expired } = await targetsOf(store, plans, { runs, corrupt: rows.corrupt });
  const sweeps = plans.flatMap((plan) => plan.sweeps ?? []).map(keepable);
  const [now, addressed] = await Promise.all([
    known ?? readClock(store),
    loadConversations(store, rows, named),
    // Read before the stored answers, because a call that wrote the sweeps also stored its answer.
    findIn(store, "sweeps", "_id", sweeps).then((docs) => collect(rows, "sweeps", docs.filter(isRow))),
  ]);
  const targets = named.map((target) => withConversations(rows, addressed, target));
  const loading: Loading = { store, rows, targets };
  const [answers, histories] = await Promise.all([
    loadAnswers(loading),
    loadHistories(loading),
    loadNamed(loading),
    loadSlices(loading),
  ]);
  await loadRecorded(loading);
  for (const { turn } of targets) if (turn !== null) rows.turns.set(turn.id, turn);
  collect(rows, "workers", expired);
  const seen = needsOneMoment(plans) ? await seenTogether(loading) : targets;
  return {
    now,
    rows: listsOf(rows),
    answers,
    found: seen.map(({ conversationIds }) => conversationIds),
    chosen: seen.map(({ messages }) => messages.map(({ id }) => id)),
    histories,
    corrupt: rows.corrupt,
  };
}

/** Loads the conversations of the targets. Returns the ids of those that were found by address, by the address. */
async function loadConversations(
  store: Store,
  rows: Collected,
  targets: readonly Target[],
): Promise<ReadonlyMap<string, string>> {
  const addresses = targets.flatMap(({ plan: { root } }) => (root.by === "address" ? [root] : []));
  const at = {
    participantKey: { $in: [...new Set(addresses.map(({ participantKey }) => keepable(participantKey)))] },
    line: { $in: [...new Set(addresses.map(({ line }) => keepable(line)))] },
  };
  const [named, addressed] = await Promise.all([
    findIn(
      store,
      "conversations",
      "_id",
      targets.flatMap(({ conversationIds }) => conversationIds),
    ),
    addresses.length === 0 ? [] : find(store, "conversations", at),
  ]);
  const asked = new Set(addresses.map(addressIn));
  const found = addressed.filter((doc) => asked.has(addressIn(doc)));
  collect(rows, "conversations", [...named, ...found]);
  return new Map(found.map((doc) => [addressIn(doc), idIn(doc)]));
}

function addressIn({ line, participantKey }: { readonly line?: unknown; readonly participantKey?: unknown }): string {
  return JSON.stringify([line, participantKey]);
}

/** Reduces a target to the conversations that exist, in the root's order. Unreadable ones are included. */
function withConversations(
  { conversations, corrupt }: Collected,
  addressed: ReadonlyMap<string, string>,
  target: Target,
): Target {
  const { root } = target.plan;
  if (root.by === "address") {
    const id = addressed.get(addressIn(root));
    return { ...target, conversationIds: id === undefined ? [] : [id] };
  }
  const isThere = (id: string): boolean => {
    return conversations.has(id) || corrupt.some(({ table, key }) => table === "conversations" && key[0] === id);
  };
  return { ...target, conversationIds: target.conversationIds.filter(isThere) };
}

/** Loads the rows that plans name by key. */
async function loadNamed(loading: Loading): Promise<void> {
  const { store, rows, targets } = loading;
  const plans = targets.map(({ plan }) => plan);
  const keys = plans.flatMap((plan) => plan.keys ?? []).map(({ kind, key }) => keyId(kind, key));
  const [foundKeys, consents, counters, rateLimits] = await Promise.all([
    findIn(store, "keys", "_id", keys),
    findIn(store, "consents", "_id", consentsOf(loading)),
    findIn(store, "counters", "_id", plans.flatMap((plan) => plan.counters ?? []).map(keepable)),
    findIn(store, "rateLimits", "_id", plans.flatMap((plan) => plan.rateLimits ?? []).map(keepable)),
  ]);
  collect(rows, "keys", foundKeys);
  collect(rows, "consents", consents.filter(isRow));
  collect(rows, "counters", counters);
  collect(rows, "rateLimits", rateLimits.filter(isRow));
}

/** Whether the document is a row. A document without a version only guards that there is no row: see `commit.ts`. */
function isRow({ version }: { readonly version?: unknown }): boolean {
  return version !== undefined;
}

async function loadAnswers({ store, rows, targets }: Loading): Promise<ReadonlyMap<string, string>> {
  const docs = await findIn(
    store,
    "answers",
    "_id",
    targets.map(({ plan: { call } }) => keepable(call)),
  );
  return new Map(legible(docs, rows.corrupt, (doc) => [idIn(doc), answerOf(doc)] as const));
}

/**
 * Whether the versions must be checked, because rows of conversations are loaded with them. Rows that were recorded
 * under a key do not need this check, because a key's reference does not change.
 */
function needsOneMoment(plans: readonly Plan[]): boolean {
  return plans.some(({ root: { by }, slices }) => {
    return by !== "address" || slices.some((slice) => slice !== "recorded" && slice !== "consent");
  });
}

/** The targets, without candidates that have changed since they were read. */
async function seenTogether({ store, rows, targets }: Loading): Promise<readonly Target[]> {
  const versions = await findIn(store, "conversations", "_id", rows.conversations.keys(), {
    projection: { version: 1 },
  });
  const now = new Map(versions.map((doc) => [idIn(doc), doc.version]));
  const moved = new Set<string>();
  for (const [id, { version }] of rows.conversations) if (now.get(id) !== version) moved.add(id);
  const [target] = targets;
  switch (target?.plan.root.by) {
    case "due": {
      const still = target.conversationIds.filter((id) => !moved.has(id));
      demand(moved.size === 0 || still.length > 0, "what was due");
      return [{ ...target, conversationIds: still }];
    }
    case "workers":
      // A lease that the heartbeat only reports may be slightly old. What it reclaims is guarded.
      demand(!target.messages.some(({ conversationId }) => moved.has(conversationId)), "an expired worker's message");
      return targets;
    default:
      demand(moved.size === 0, "a conversation");
      return targets;
  }
}
