import { CLOCKS_APART_MS, STORED_FOR_MS } from "../ledger/rows.ts";
import { holdersIn, idIn } from "./roots.ts";
import { find, type Store } from "./store.ts";

/** So many documents of each kind go with one heartbeat at most: more than come between two of them. */
export const DOCUMENTS_A_HEARTBEAT = 5_000;

/**
 * Deletes stored answers, and workers that hold nothing, an hour after their time, at most `limit` of each. Returns
 * whether there may be more.
 */
export async function prune(store: Store, now: number, limit: number): Promise<boolean> {
  const longAgo = now - STORED_FOR_MS;
  const first = (sort: object) => ({ sort, limit, projection: { _id: 1 } });
  const [ahead, answers, workers] = await Promise.all([
    find(store, "answers", { at: { $gt: now + CLOCKS_APART_MS } }, first({ at: -1 })),
    find(store, "answers", { at: { $lt: longAgo } }, first({ at: 1 })),
    find(store, "workers", { aliveUntil: { $lt: longAgo } }, first({ aliveUntil: 1 })),
  ]);
  if (ahead.length > 0) await dateAnswers(store, ahead.map(idIn), now);
  if (answers.length > 0) await store.collection("answers").deleteMany({ _id: { $in: answers.map(idIn) } });
  if (workers.length > 0) await forgetWorkers(store, workers.map(idIn), longAgo);
  return [ahead, answers, workers].some(({ length }) => length === limit);
}

/** An answer that a clock ahead stored is kept for as long as others, from now on. */
async function dateAnswers(store: Store, ids: readonly string[], now: number): Promise<void> {
  await store.collection("answers").updateMany({ _id: { $in: ids } }, { $set: { at: now } });
}

/** A worker that claims something is alive again first, and stays. */
async function forgetWorkers(store: Store, ids: readonly string[], longAgo: number): Promise<void> {
  const holders = new Set(await holdersIn(store));
  const idle = ids.filter((id) => !holders.has(id));
  if (idle.length === 0) return;
  await store.collection("workers").deleteMany({ _id: { $in: idle }, aliveUntil: { $lt: longAgo } });
}
