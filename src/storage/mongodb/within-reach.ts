import type { MongoDb } from "./client.ts";
import { outOfReach, storageError } from "./errors.ts";

/** If a call takes longer than this, the ledger sends a ping to the server. Both times together are under 5 s. */
const ASK_AFTER_MS = 2_500;
const ANSWER_WITHIN_MS = 2_000;

/**
 * Runs a call of the driver, and stops waiting for it if the server cannot be reached. The driver itself waits 30 s for
 * a server (`serverSelectionTimeoutMS`), which is longer than Twilio waits for a webhook's response. A slow server that
 * answers a ping has all the time that the driver gives it.
 *
 * A call that is no longer waited for may still take effect later, like a call whose answer was lost.
 *
 * @throws OwnlineError `storage_unavailable`, retryable, within 5 s after the server stops answering; errors of the
 * driver before that, as `storageError` turns them into the ledger's errors
 */
export async function withinReach<R>(db: MongoDb, call: () => Promise<R>): Promise<R> {
  const work = call();
  // Never rejects, so that an abandoned call that fails later causes no unhandled rejection.
  const settled = work.then(
    () => true,
    () => true,
  );
  while (!(await within(ASK_AFTER_MS, settled))) {
    const answered = db.command({ ping: 1 }).then(
      () => true,
      () => false,
    );
    if (!(await within(ANSWER_WITHIN_MS, Promise.race([answered, settled])))) throw outOfReach();
  }
  try {
    return await work;
  } catch (error) {
    throw storageError(error);
  }
}

/** The promise's value, or `false` if it does not settle in time. */
async function within(ms: number, promise: Promise<boolean>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const said = await Promise.race([promise, late]);
  clearTimeout(timer);
  return said;
}
