import { latestRight } from "../ledger/rules/clock.ts";
import { storedSince } from "../ledger/rules/retention.ts";
import { idIn } from "./fields.ts";
import { holdersIn } from "./roots.ts";
import { find, type Store } from "./store.ts";

/**
 * Deletes stored answers that are over an hour old, and workers that expired over an hour ago and hold nothing. At most
 * `limit` of each. Returns whether it found that many of one kind, so that there may be more.
 */
export async function prune(store: Store, now: number, limit: number): Promise<boolean> {
  const longAgo = storedSince(now);
  const first = (sort: object) => ({ sort, limit, projection: { _id: 1 } });
  const [ahead, answers, [expired]] = await Promise.all([
    find(store, "answers", { at: { $gt: latestRight(now) } }, first({ at: -1 })),
    find(store, "answers", { at: { $lt: longAgo } }, first({ at: 1 })),
    find(store, "workers", { aliveUntil: { $lt: longAgo } }, { limit: 1, projection: { _id: 1 } }),
  ]);
  if (ahead.length > 0) await dateAnswers(store, ahead.map(idIn), now);
  if (answers.length > 0) await store.collection("answers").deleteMany({ _id: { $in: answers.map(idIn) } });
  const workers = expired === undefined ? 0 : await forgetWorkers(store, longAgo, limit);
  return [ahead.length, answers.length, workers].includes(limit);
}

/** Gives answers that a clock ahead stored the present time, so that they are deleted after the usual time. */
async function dateAnswers(store: Store, ids: readonly string[], now: number): Promise<void> {
  await store.collection("answers").updateMany({ _id: { $in: ids } }, { $set: { at: now } });
}

/**
 * Deletes workers that hold nothing, and returns how many it found. A worker that claims something meanwhile first gets
 * a later `aliveUntil`, so the filter spares it.
 */
async function forgetWorkers(store: Store, longAgo: number, limit: number): Promise<number> {
  const aliveUntil = { $lt: longAgo };
  const idle = { aliveUntil, _id: { $nin: await holdersIn(store) } };
  const oldest = { sort: { aliveUntil: 1 }, limit, projection: { _id: 1 } };
  const ids = (await find(store, "workers", idle, oldest)).map(idIn);
  if (ids.length > 0) await store.collection("workers").deleteMany({ _id: { $in: ids }, aliveUntil });
  return ids.length;
}
