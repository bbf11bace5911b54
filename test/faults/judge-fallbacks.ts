/*
 * A fallback text does not say which texts it stands for. What follows from the order is all there is: it stands for
 * texts of its person that no answer names, that were there before it, and around which nothing is answered in the
 * wrong order. Texts reach the ledger as their webhooks do, which is not the order in which they were sent: only a text
 * that was acknowledged before another one was sent is surely the earlier one.
 */

/** A person's text that asks for an answer. */
export interface Asked {
  readonly tag: number;
  readonly firstAt: number;
  /** `null` where no webhook of it was acknowledged. It may be in the ledger all the same. */
  readonly ackedAt: number | null;
}

/** The answers to a person, by their place in the order in which they were sent. */
export interface Answered {
  /** Where each text is answered by name. */
  readonly places: ReadonlyMap<number, number>;
  /** When the fallback texts were sent, by their place. */
  readonly fallbacks: ReadonlyMap<number, number>;
}

/** The texts that no fallback can stand for, and the fallbacks that stand for no text of their own. */
export interface Unmatched {
  readonly unanswered: readonly number[];
  readonly idle: readonly number[];
}

export function matchFallbacks(asked: readonly Asked[], { places, fallbacks }: Answered): Unmatched {
  const missing = asked.filter(({ tag }) => !places.has(tag));
  const standsFor = (place: number, sentAt: number, text: Asked): boolean =>
    text.firstAt < sentAt &&
    asked.every((other) => {
      const answeredAt = places.get(other.tag);
      if (answeredAt === undefined) return true;
      return !(isBefore(other, text) && answeredAt > place) && !(isBefore(text, other) && answeredAt < place);
    });
  const candidates = new Map(
    [...fallbacks].map(([place, sentAt]) => [place, missing.filter((text) => standsFor(place, sentAt, text))]),
  );
  const possible = new Set([...candidates.values()].flat());
  return {
    unanswered: missing.filter((text) => !possible.has(text)).map(({ tag }) => tag),
    idle: withoutPartner(candidates),
  };
}

function isBefore(earlier: Asked, later: Asked): boolean {
  return earlier.ackedAt !== null && earlier.ackedAt < later.firstAt;
}

/** Gives each place a candidate of its own, in the one way or another; the places for which none is left. */
function withoutPartner<Candidate>(candidates: ReadonlyMap<number, readonly Candidate[]>): number[] {
  const takenBy = new Map<Candidate, number>();
  const settle = (place: number, asked: Set<Candidate>): boolean =>
    (candidates.get(place) ?? []).some((candidate) => {
      if (asked.has(candidate)) return false;
      asked.add(candidate);
      const holder = takenBy.get(candidate);
      if (holder !== undefined && !settle(holder, asked)) return false;
      takenBy.set(candidate, place);
      return true;
    });
  return [...candidates.keys()].filter((place) => !settle(place, new Set()));
}
