import { latestRight } from "../ledger/rules/clock.ts";

const BUCKET = 512;

/** A position in an order: a time (or another number), and an id that orders equal times. */
export interface Position {
  readonly at: number;
  readonly id: string;
}

/** The position before everything that a clock ahead of the present one wrote, in the order of `writtenAt`. */
export function aheadOf(now: number): Position {
  return { at: latestRight(now) + 1, id: "" };
}

interface Entry<T> extends Position {
  readonly value: T;
}

/** Negative when `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  if (a.at !== b.at) return a.at - b.at;
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}

/**
 * Values in the order of their positions, in buckets of bounded size. A change moves a few hundred entries at most,
 * independent of the number of values.
 */
export class SortedIndex<T> {
  readonly #buckets: Entry<T>[][] = [];

  add(position: Position, value: T): void {
    const entry = { at: position.at, id: position.id, value };
    const at = Math.min(this.#bucketOf(position), this.#buckets.length - 1);
    const bucket = this.#buckets[at];
    if (bucket === undefined) {
      this.#buckets.push([entry]);
      return;
    }
    bucket.splice(placeIn(bucket, position), 0, entry);
    if (bucket.length > BUCKET) this.#buckets.splice(at + 1, 0, bucket.splice(BUCKET / 2));
  }

  /** Does nothing if the position does not exist. */
  delete(position: Position): void {
    const at = this.#bucketOf(position);
    const bucket = this.#buckets[at];
    if (bucket === undefined) return;
    const place = placeIn(bucket, position);
    const entry = bucket[place];
    if (entry === undefined || comparePositions(entry, position) !== 0) return;
    bucket.splice(place, 1);
    if (bucket.length === 0) this.#buckets.splice(at, 1);
  }

  /** Upwards from the first entry at or after a position. The index must not change during the iteration. */
  *from(position: Position): Generator<T> {
    for (let at = this.#bucketOf(position); at < this.#buckets.length; at += 1) {
      const bucket = this.#buckets[at] ?? [];
      for (let place = placeIn(bucket, position); place < bucket.length; place += 1) {
        const entry = bucket[place];
        if (entry !== undefined) yield entry.value;
      }
    }
  }

  /** Downwards from the last entry before a position. The index must not change during the iteration. */
  *before(position: Position): Generator<T> {
    for (let at = Math.min(this.#bucketOf(position), this.#buckets.length - 1); at >= 0; at -= 1) {
      const bucket = this.#buckets[at] ?? [];
      for (let place = placeIn(bucket, position) - 1; place >= 0; place -= 1) {
        const entry = bucket[place];
        if (entry !== undefined) yield entry.value;
      }
    }
  }

  /** The first bucket that ends at or after the position; the number of buckets if there is none. */
  #bucketOf(position: Position): number {
    return firstIndex(this.#buckets, (bucket) => {
      const last = bucket[bucket.length - 1];
      return last !== undefined && comparePositions(last, position) >= 0;
    });
  }
}

/** One index for each scope. There is one scope for each service that shares the ledger. */
export class IndexByScope<T> {
  readonly #indexes = new Map<string, SortedIndex<T>>();

  of(scope: string | null): SortedIndex<T> {
    const known = this.#indexes.get(scope ?? "");
    if (known !== undefined) return known;
    const index = new SortedIndex<T>();
    this.#indexes.set(scope ?? "", index);
    return index;
  }
}

/** The position of a value with a due time. */
export interface DuePlace {
  readonly scope: string | null;
  readonly id: string;
  readonly dueAt: number;
  readonly writtenAt: number;
}

export function isSamePlace(one: DuePlace | null, other: DuePlace | null): boolean {
  if (one === null || other === null) return one === other;
  return one.dueAt === other.dueAt && one.writtenAt === other.writtenAt && one.scope === other.scope;
}

/** Values with a due time, by scope: in the order of their due times, and in the order of `writtenAt`. */
export class DueIndex<T> {
  readonly byTime: IndexByScope<T> = new IndexByScope<T>();
  readonly byWriting: IndexByScope<T> = new IndexByScope<T>();

  /** Does nothing if `place` is `null`. */
  add(place: DuePlace | null, value: T): void {
    if (place === null) return;
    const { scope, id, dueAt, writtenAt } = place;
    this.byTime.of(scope).add({ at: dueAt, id }, value);
    this.byWriting.of(scope).add({ at: writtenAt, id }, value);
  }

  /** Removes the value at a place. Does nothing if `place` is `null`. */
  delete(place: DuePlace | null): void {
    if (place === null) return;
    const { scope, id, dueAt, writtenAt } = place;
    this.byTime.of(scope).delete({ at: dueAt, id });
    this.byWriting.of(scope).delete({ at: writtenAt, id });
  }
}

/**
 * The first index whose element passes; the list's length if none does. In the list, all elements that fail must come
 * before those that pass.
 */
export function firstIndex<T>(list: readonly T[], passes: (element: T) => boolean): number {
  let low = 0;
  let high = list.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const element = list[middle];
    if (element !== undefined && passes(element)) high = middle;
    else low = middle + 1;
  }
  return low;
}

function placeIn<T>(bucket: readonly Entry<T>[], position: Position): number {
  return firstIndex(bucket, (entry) => comparePositions(entry, position) >= 0);
}
