/*
 * A fallback text does not say which texts it answers, so the judge can only use the order. A fallback text answers
 * texts of its person that no answer names and that came before it. It must not bring other answers into a wrong order.
 * Texts reach the ledger in the order of their webhooks, which is not the order in which they were sent. So a text is
 * surely earlier only if it was acknowledged before the other one was sent.
 */

/** A person's text that needs an answer. */
export interface Asked {
  readonly tag: number;
  readonly firstAt: number;
  /** `null` where no webhook of the text was acknowledged. The ledger may have the text all the same. */
  readonly ackedAt: number | null;
}

/** The answers to a person, by their place in the order in which they were sent. */
export interface Answered {
  /** The place of the answer that names each text. */
  readonly places: ReadonlyMap<number, number>;
  /** When the fallback texts were sent, by their place. */
  readonly fallbacks: ReadonlyMap<number, number>;
}

/** The texts that no fallback text can answer, and the fallback texts that answer no text of their own. */
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

/** Gives each place one of its candidates, so that no candidate is used twice. Returns the places that get none. */
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
