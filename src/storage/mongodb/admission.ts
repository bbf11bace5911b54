import { OwnlineError } from "../../errors.ts";

/**
 * The queue in which a call waits. `worker`: calls of the worker, of which a process makes a limited number at once.
 * `outside`: texts, status callbacks and calls of the application, of which any number may come.
 */
export type Line = "worker" | "outside";

/** Runs a call as soon as a place is free for it. */
export type Admission = <R>(line: Line, run: () => Promise<R>) => Promise<R>;

export interface AdmissionOptions {
  /** How many calls run at once. */
  readonly places: number;
  /** How long a call waits for a place before it is refused. */
  readonly longestWaitMs: number;
}

/**
 * Limits how many calls run at once to `places`. Further calls wait in their line, in the order of their arrival. If
 * calls wait in both lines, the lines take turns, so that one line does not block the other. A call that ends gives its
 * place to the next waiting call directly, so that a call that arrives at that moment cannot take it.
 *
 * @throws OwnlineError `storage_unavailable`, retryable: no place became free in time, so the call did not run.
 */
export function admission({ places, longestWaitMs }: AdmissionOptions): Admission {
  /** The waiting calls of each line, in the order of their arrival. */
  const waiting: Readonly<Record<Line, Set<() => void>>> = { worker: new Set(), outside: new Set() };
  let free = places;
  let servedLast: Line = "outside";

  /** `null` if a place is free at once. */
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
  "MongoDB was too busy with earlier calls to begin this call in time: check that its primary is up, and that the server has enough resources for the number of texts. Nothing was written; the same call may be repeated.";
