/** An event at its time. It returns `false`, or a promise of it, if it had nothing to do. */
export type Happening = () => unknown;

interface Entry {
  readonly at: number;
  /** The order of two events at the same millisecond. The dice choose it. */
  readonly tie: number;
  readonly act: Happening;
}

/** Virtual time: a heap of planned events. Time passes only by {@link Timeline.next}. */
export class Timeline {
  /** Unix milliseconds. */
  now: number;
  readonly #heap: Entry[] = [];
  readonly #tie: () => number;

  constructor(startMs: number, tie: () => number) {
    this.now = startMs;
    this.#tie = tie;
  }

  after(ms: number, act: Happening): void {
    const entry = { at: this.now + Math.max(0, ms), tie: this.#tie(), act };
    const heap = this.#heap;
    let at = heap.push(entry) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(entry, above)) break;
      heap[at] = above;
      heap[parent] = entry;
      at = parent;
    }
  }

  /** Moves the time to the next event and returns it; `null` where there is none. */
  next(): Happening | null {
    const heap = this.#heap;
    const first = heap[0];
    const moved = heap.pop();
    if (first === undefined || moved === undefined) return null;
    if (heap.length > 0) {
      let at = 0;
      heap[0] = moved;
      for (;;) {
        const left = heap[2 * at + 1];
        if (left === undefined) break;
        const right = heap[2 * at + 2];
        const isRight = right !== undefined && isBefore(right, left);
        const child = isRight ? right : left;
        if (!isBefore(child, moved)) break;
        heap[at] = child;
        at = isRight ? 2 * at + 2 : 2 * at + 1;
        heap[at] = moved;
      }
    }
    this.now = Math.max(this.now, first.at);
    return first.act;
  }
}

function isBefore(one: Entry, other: Entry): boolean {
  return one.at < other.at || (one.at === other.at && one.tie < other.tie);
}
