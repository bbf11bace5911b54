import { CLOCKS_APART_MS, STORED_FOR_MS } from "../ledger/rows.ts";
import { holdersIn, idIn } from "./roots.ts";
import { find, type Store } from "./store.ts";

/** How many old documents of each kind one heartbeat deletes at most. Fewer are added between two heartbeats. */
export const DOCUMENTS_A_HEARTBEAT = 5_000;

/**
 * Deletes stored answers that are over an hour old, and workers that expired over an hour ago and hold nothing. At most
 * `limit` of each. Returns whether there may be more.
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

/** Gives answers that a clock ahead stored the present time, so that they are deleted after the usual time. */
async function dateAnswers(store: Store, ids: readonly string[], now: number): Promise<void> {
  await store.collection("answers").updateMany({ _id: { $in: ids } }, { $set: { at: now } });
}

/**
 * Deletes workers that hold nothing. A worker that claims something meanwhile first gets a later `aliveUntil`, so the
 * filter spares it.
 */
async function forgetWorkers(store: Store, ids: readonly string[], longAgo: number): Promise<void> {
  const holders = new Set(await holdersIn(store));
  const idle = ids.filter((id) => !holders.has(id));
  if (idle.length === 0) return;
  await store.collection("workers").deleteMany({ _id: { $in: idle }, aliveUntil: { $lt: longAgo } });
}
