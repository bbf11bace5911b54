import type { StorageClock } from "../clock.ts";

const FORGOTTEN_AFTER_MS = 60 * 60 * 1000;

interface FirstResult<R> {
  readonly result: R;
  readonly at: number;
}

/** What the operations of one method answered first, for their repetitions. */
export class FirstResults<R> {
  readonly #clock: StorageClock;
  /** The oldest first. */
  readonly #known = new Map<string, FirstResult<R>>();

  constructor(clock: StorageClock) {
    this.#clock = clock;
  }

  /** Runs an operation, unless it ran before: then its first result. One that found nothing to do runs again. */
  once(op: string, act: () => R): R {
    const known = this.#known.get(op);
    if (known !== undefined) return known.result;
    const result = act();
    this.forgetOld();
    if (result !== null) this.#known.set(op, { result, at: this.#clock.now() });
    return result;
  }

  forgetOld(): void {
    const oldest = this.#clock.now() - FORGOTTEN_AFTER_MS;
    for (const [op, { at }] of this.#known) {
      if (at > oldest) return;
      this.#known.delete(op);
    }
  }

  /** Forgets every result in which one of the conversations appears. */
  forgetConversations(ids: ReadonlySet<string>): void {
    for (const [op, { result }] of this.#known) if (mentions(result, ids)) this.#known.delete(op);
  }
}

function mentions(value: unknown, ids: ReadonlySet<string>): boolean {
  if (typeof value === "string") return ids.has(value);
  if (typeof value !== "object" || value === null) return false;
  return Object.values(value).some((inner) => mentions(inner, ids));
}
