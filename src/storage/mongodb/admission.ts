import { OwnlineError } from "../../errors.ts";

/**
 * Where a call waits: `worker`, by whom leases and messages under way are held, and of which a process has so many and
 * no more; or `outside`, however many texts, callbacks and calls of the application come.
 */
export type Line = "worker" | "outside";

/** Runs a call when its turn has come. */
export type Admission = <R>(line: Line, run: () => Promise<R>) => Promise<R>;

export interface AdmissionOptions {
  /** How many run at once. */
  readonly places: number;
  /** How long one waits for its turn before it is refused. */
  readonly longestWaitMs: number;
}

/**
 * Lets so many calls run at once. The others wait, first come, first served within their line; where both lines wait,
 * they are served by turns, so that neither holds the other up. A call that ends, with an answer or an error, hands
 * its place to the next one in line, so that a call that comes just then cannot take it.
 *
 * @throws OwnlineError `storage_unavailable`, retryable: the turn did not come in time, so nothing was run.
 */
export function admission({ places, longestWaitMs }: AdmissionOptions): Admission {
  /** In the order in which they came. */
  const waiting: Readonly<Record<Line, Set<() => void>>> = { worker: new Set(), outside: new Set() };
  let free = places;
  let servedLast: Line = "outside";

  /** `null` where there is a place at once. */
  function enter(line: Line): Promise<void> | null {
    if (free > 0) {
      free -= 1;
      return null;
    }
    const own = waiting[line];
    return new Promise((resolve, reject) => {
      const admit = (): void => {
        own.delete(admit);
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        own.delete(admit);
        reject(new OwnlineError("storage_unavailable", OVERLOADED, { retryable: true }));
      }, longestWaitMs);
      own.add(admit);
    });
  }

  function leave(): void {
    const other: Line = servedLast === "worker" ? "outside" : "worker";
    for (const line of [other, servedLast]) {
      const [next] = waiting[line];
      if (next === undefined) continue;
      servedLast = line;
      next();
      return;
    }
    free += 1;
  }

  return async (line, run) => {
    const turn = enter(line);
    if (turn !== null) await turn;
    try {
      return await run();
    } finally {
      leave();
    }
  };
}

const OVERLOADED =
  "MongoDB did not get to this call in time, because those before it take too long: see that its primary is up, and give it what it needs to keep rateLimit with the texts. Nothing was written; the same call may be repeated.";
