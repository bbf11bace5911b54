import { isMainThread } from "node:worker_threads";

/*
 * How the cost of work grows with the size of its input, for tests: at n and at 16n, linear work costs 16 times as
 * much, quadratic work 256 times. No test compares a duration with a limit: a busy machine is slow, not wrong.
 *
 * Measured over the tests that use it: linear work grows 57 times at the most (the larger input alone has its garbage
 * collected), quadratic work 160 times at the least. At n and 8n, the two overlapped.
 */
const STEP = 16;
/** The two sizes are measured in turn this often, and the least of each counts. */
export const ROUNDS: number = 4;
/**
 * What looks too steep is measured again at these shares of the size: a collection of garbage or a full cache between
 * two sizes does not lie at all of them, and quadratic work does. None is above 1, since some inputs have a bound.
 */
const SHARES = [1, 0.8, 0.6];
/** Work that costs less than this at 16n is too short to compare, and does no harm at this size. */
const NEGLIGIBLE_MS = 1;

/**
 * The most by which linear work may grow: six times what it does by itself, and well under half of what quadratic work
 * does. Compare {@link growthOf} with it.
 */
export const LINEAR_AT_MOST: number = 6 * STEP;

/** Work on an input that is made already. A promise is waited for. */
export type Work = () => unknown;

/**
 * How many times as much processor time the work takes at 16n as at n; 0 where it takes less than 1 ms at 16n. The least
 * of up to three measurements, which end as soon as one is below {@link LINEAR_AT_MOST}.
 *
 * The processor time is the process's own, user and system, with its collector and compiler: other processes do not
 * count. So each test file must run in a process of its own, as vitest's `forks` pool does.
 *
 * @param make makes the work on an input of the size n, which is done `ROUNDS` times; what it does itself is not
 * measured, and a promise of it is waited for
 * @param n the size, a whole number: large enough that quadratic work would show at 0.6n, and 16n within any bound
 * @throws Error in a worker thread, whose process does other work too
 * @throws what the work throws
 * @example expect(await growthOf((n) => () => parse("a".repeat(n)), 10_000)).toBeLessThan(LINEAR_AT_MOST);
 */
export async function growthOf(make: (n: number) => Work | Promise<Work>, n: number): Promise<number> {
  if (!isMainThread) throw new Error("growthOf() measures a whole process: run the tests in vitest's forks pool");
  let least = Number.POSITIVE_INFINITY;
  for (const share of SHARES) {
    if (least < LINEAR_AT_MOST) break;
    const size = Math.ceil(share * n);
    least = Math.min(least, await growthAt(await make(size), await make(STEP * size)));
  }
  return least;
}

async function growthAt(small: Work, large: Work): Promise<number> {
  let [once, many] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (let round = 0; round < ROUNDS; round += 1) {
    once = Math.min(once, await processorMsOf(small));
    many = Math.min(many, await processorMsOf(large));
  }
  return many < NEGLIGIBLE_MS ? 0 : many / once;
}

async function processorMsOf(work: Work): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}
