import type { MongoDb } from "./client.ts";
import { outOfReach, storageError } from "./errors.ts";

/** A call that takes longer than this has the server asked whether it is there. Together both are under 5 s. */
const ASK_AFTER_MS = 2_500;
const ANSWER_WITHIN_MS = 2_000;

/**
 * Runs a call of the driver, and gives it up where the server cannot be reached. The driver itself waits 30 s for a
 * server (`serverSelectionTimeoutMS`), which is longer than Twilio waits for a webhook's answer. A server that is slow,
 * but answers a ping, has all the time that the driver gives it.
 *
 * A call that is given up may still come through later, as one whose answer was lost may.
 *
 * @throws OwnlineError `storage_unavailable`, retryable, within 5 s of the server's end; what the driver throws before
 * that, as the ledger's own error
 */
export async function withinReach<R>(db: MongoDb, call: () => Promise<R>): Promise<R> {
  const work = call();
  // Settled without a throw, also for a call that was given up: then nothing waits for it any more.
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

/** What the promise says, or `false` where it says nothing in time. */
async function within(ms: number, promise: Promise<boolean>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), ms);
  });
  const said = await Promise.race([promise, late]);
  clearTimeout(timer);
  return said;
}
