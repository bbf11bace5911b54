/** A figure of several rounds: the median, and the lowest and the highest round. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function median(values: readonly number[]): number {
  return quantile(sorted(values), 0.5);
}

/** The median of sorted values. */
export function quantile(ordered: readonly number[], q: number): number {
  return ordered[Math.min(ordered.length - 1, Math.floor(ordered.length * q))] ?? Number.NaN;
}

export function sorted(values: readonly number[]): number[] {
  return values.toSorted((one, other) => one - other);
}

export function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Ratios by round. Each pair was measured directly one after the other. */
export function ratios(each: readonly number[], to: readonly number[]): Spread {
  const ordered = sorted(each.map((value, round) => value / (to[round] ?? Number.NaN)));
  return { median: quantile(ordered, 0.5), least: ordered.at(0) ?? Number.NaN, most: ordered.at(-1) ?? Number.NaN };
}

/**
 * Lets all contestants take turns, round by round, every second round in the opposite order. So the state of the
 * machine affects all of them alike.
 *
 * @returns the results of each contestant, by round
 */
export async function inTurn<One, Result>(
  all: readonly One[],
  rounds: number,
  measure: (one: One, round: number) => Promise<Result>,
): Promise<Result[][]> {
  const results = all.map((): Result[] => []);
  for (let round = 0; round < rounds; round += 1) {
    const order = round % 2 === 0 ? [...all.entries()] : [...all.entries()].toReversed();
    for (const [index, one] of order) results[index]?.push(await measure(one, round));
  }
  return results;
}
