import type { Changes } from "../database.ts";
import { isAhead } from "../ledger/rules/clock.ts";
import { storedSince } from "../ledger/rules/retention.ts";

interface Stored {
  readonly answer: string;
  readonly at: number;
  readonly conversationIds: readonly string[];
}

/** The stored answers in memory, by their calls. */
export class StoredAnswers {
  /** The oldest answer first. */
  readonly #answers = new Map<string, Stored>();
  /** When the newest answer was stored. */
  #newestAt = 0;

  /** The answer as JSON; `undefined` if none is stored for the call. */
  get(call: string): string | undefined {
    return this.#answers.get(call)?.answer;
  }

  has(call: string): boolean {
    return this.#answers.has(call);
  }

  store({ call, answer, conversationIds }: Changes["answers"][number], now: number): void {
    this.#answers.set(call, { answer, at: now, conversationIds });
    this.#newestAt = now;
  }

  /** Deletes the answers that name one of these conversations. */
  forgetOf(erased: ReadonlySet<string>): void {
    for (const [call, { conversationIds }] of this.#answers) {
      if (conversationIds.some((id) => erased.has(id))) this.#answers.delete(call);
    }
  }

  /** Deletes answers that are over an hour old. */
  forgetOld(now: number): void {
    this.#dateAhead(now);
    for (const [call, { at }] of this.#answers) {
      if (at >= storedSince(now)) return;
      this.#answers.delete(call);
    }
  }

  /** Gives answers that a clock ahead stored the present time, so that they are deleted after the usual time. */
  #dateAhead(now: number): void {
    if (!isAhead(this.#newestAt, now)) return;
    this.#newestAt = now;
    for (const [call, one] of this.#answers) if (isAhead(one.at, now)) this.#answers.set(call, { ...one, at: now });
  }
}
