import type { Entry, EntryOf } from "./ledger.ts";

export type ViolationKind = "lost" | "duplicated" | "out-of-order" | "to-opted-out" | "forged";

export interface Violation {
  readonly kind: ViolationKind;
  readonly person: string;
  readonly detail: string;
}

export type Blame = (kind: ViolationKind, detail: string) => void;

export type Taken = EntryOf<"taken">;

export interface Evidence {
  /** When the application first acknowledged a callback about a text. */
  readonly heardAt: ReadonlyMap<string, number>;
  /** When the application read the provider's list, by person. */
  readonly looks: ReadonlyMap<string, readonly EntryOf<"list">[]>;
}

export function evidenceOf(entries: readonly Entry[]): Evidence {
  const heardAt = new Map<string, number>();
  const looks = new Map<string, EntryOf<"list">[]>();
  for (const entry of entries) {
    if (entry.kind === "callback" && !entry.forged && entry.answer !== null && entry.answer < 300) {
      if (!heardAt.has(entry.sid)) heardAt.set(entry.sid, entry.at);
    } else if (entry.kind === "list") {
      const known = looks.get(entry.to);
      if (known === undefined) looks.set(entry.to, [entry]);
      else known.push(entry);
    }
  }
  return { heardAt, looks };
}

/** The first copy of each message. A second copy is a violation, unless no evidence of the first could have come. */
export function withoutCopies(
  ours: readonly Taken[],
  { heardAt, looks }: Evidence,
  graceMs: number,
  blame: Blame,
  counts: { silent: number; frozen: number },
): Taken[] {
  const copies = new Map<string, Taken[]>();
  const firsts: Taken[] = [];
  for (const one of ours) {
    const earlier = copies.get(one.outboundId);
    if (earlier === undefined) {
      copies.set(one.outboundId, [one]);
      firsts.push(one);
      continue;
    }
    const label = `${one.outboundId}, attempt ${one.attempt} after ${earlier.map(({ attempt }) => attempt).join(", ")}`;
    const asked = (looks.get(one.to) ?? []).filter(({ at }) => at < one.leftAt);
    const said = earlier.map(({ sid, at, leftAt }) => {
      if ((heardAt.get(sid) ?? Number.POSITIVE_INFINITY) < one.leftAt - graceMs) return "known";
      const later = asked.filter((look) => look.at >= at);
      if (later.length > 0) return later.some(({ sids }) => sids.includes(sid)) ? "known" : "silence";
      // The list was read while the request was on its way.
      return asked.some((look) => look.at > leftAt) ? "late" : "known";
    });
    if (earlier.some(({ attempt }) => attempt === one.attempt))
      blame("duplicated", `${label}: the provider took one attempt twice`);
    else if (earlier.some(({ attempt }) => attempt > one.attempt)) counts.frozen += 1;
    else if (said.includes("known")) blame("duplicated", `${label}: there was evidence, or the list was not read`);
    else if (said.includes("late")) counts.frozen += 1;
    else counts.silent += 1;
    earlier.push(one);
  }
  return firsts;
}
