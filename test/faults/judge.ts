import {
  type Blame,
  evidenceOf,
  type Taken,
  type Violation,
  type ViolationKind,
  withoutCopies,
} from "./judge-copies.ts";
import { matchFallbacks } from "./judge-fallbacks.ts";
import type { Entry } from "./ledger.ts";
import { FALLBACK, readReply, readText } from "./script.ts";

/*
 * Judges a run by the provider's ledger alone: by what people texted, which webhooks got a 200, and what the provider
 * took. The judge does not use what an engine says about itself.
 */

export interface Verdict {
  readonly texts: number;
  /** Texts whose webhook got a 200. Only these texts were promised an answer. */
  readonly acknowledged: number;
  /** Texts whose webhook no process acknowledged, and how many of these were answered all the same. */
  readonly unacknowledged: number;
  readonly unacknowledgedAnswered: number;
  /** The number of texts that the provider took from the application. */
  readonly sent: number;
  readonly fallbacks: number;
  readonly violations: readonly Violation[];
  /**
   * Second copies that no evidence could have prevented: no callback arrived, and the list did not show the first copy.
   */
  readonly silentDuplicates: number;
  /** Requests that froze on their way. Before they arrived, the list was read or the message was sent again. */
  readonly frozenDuplicates: number;
  /** Texts that were on their way when the STOP was acknowledged, and how late the last one came. */
  readonly underWayAtStop: number;
  readonly underWayAtStopMs: number;
  /** When each text was answered, by the text's number. The first part of the answer counts. */
  readonly answeredAt: ReadonlyMap<number, number>;
  /** Acknowledged texts by their number. */
  readonly acknowledgedAt: ReadonlyMap<number, { readonly at: number; readonly person: string }>;
}

export interface JudgeOptions {
  /** How late a request may arrive if it was claimed before the STOP or the evidence came. */
  readonly graceMs: number;
}

interface PersonText {
  readonly body: string;
  readonly tag: number | null;
  readonly sid: string;
  firstAt: number;
  ackedAt: number | null;
}

interface Group {
  readonly id: string;
  readonly at: number;
  readonly answers: readonly number[] | null;
  readonly isFallback: boolean;
  words: number;
  lastPart: number;
  isComplete: boolean;
}

export function judge(entries: readonly Entry[], { graceMs }: JudgeOptions): Verdict {
  const violations: Violation[] = [];
  const texts = textsOf(entries);
  const taken = takenOf(entries);
  const evidence = evidenceOf(entries);
  const answeredAt = new Map<number, number>();
  const acknowledgedAt = new Map<number, { at: number; person: string }>();
  const counts = { fallbacks: 0, silent: 0, frozen: 0, underWay: 0, underWayMs: 0 };

  for (const person of new Set([...texts.keys(), ...taken.keys()])) {
    const blame = (kind: ViolationKind, detail: string) => violations.push({ kind, person, detail });
    const theirs = texts.get(person) ?? [];
    const ours = taken.get(person) ?? [];
    const firsts = withoutCopies(ours, evidence, graceMs, blame, counts);
    const groups = groupsOf(firsts, blame);
    counts.fallbacks += groups.filter(({ isFallback }) => isFallback).length;
    judgeStops(theirs, ours, graceMs, blame, counts);
    judgeAnswers(theirs, groups, blame);
    for (const { answers, at } of groups)
      for (const tag of answers ?? []) if (!answeredAt.has(tag)) answeredAt.set(tag, at);
    for (const { tag, ackedAt } of theirs) {
      if (tag !== null && ackedAt !== null) acknowledgedAt.set(tag, { at: ackedAt, person });
    }
  }
  for (const entry of entries) {
    if (entry.kind !== "callback" || !entry.forged || entry.answer === null || entry.answer >= 300) continue;
    violations.push({
      kind: "forged",
      person: "",
      detail: `a callback with a wrong signature was answered ${entry.answer}`,
    });
  }

  const all = [...texts.values()].flat();
  const unacknowledged = all.filter(({ ackedAt }) => ackedAt === null);
  return {
    texts: all.length,
    acknowledged: all.length - unacknowledged.length,
    unacknowledged: unacknowledged.length,
    unacknowledgedAnswered: unacknowledged.filter(({ tag }) => tag !== null && answeredAt.has(tag)).length,
    sent: [...taken.values()].flat().length,
    fallbacks: counts.fallbacks,
    violations,
    silentDuplicates: counts.silent,
    frozenDuplicates: counts.frozen,
    underWayAtStop: counts.underWay,
    underWayAtStopMs: counts.underWayMs,
    answeredAt,
    acknowledgedAt,
  };
}

function textsOf(entries: readonly Entry[]): Map<string, PersonText[]> {
  const bySid = new Map<string, PersonText>();
  const byPerson = new Map<string, PersonText[]>();
  for (const entry of entries) {
    if (entry.kind === "text") {
      const { sid, body, at } = entry;
      const text: PersonText = { sid, body, tag: readText(body)?.tag ?? null, firstAt: at, ackedAt: null };
      bySid.set(sid, text);
      byPerson.set(entry.from, [...(byPerson.get(entry.from) ?? []), text]);
    } else if (entry.kind === "webhook-answer" && entry.status === 200) {
      const text = bySid.get(entry.sid);
      if (text !== undefined) text.ackedAt ??= entry.at;
    }
  }
  return byPerson;
}

function takenOf(entries: readonly Entry[]): Map<string, Taken[]> {
  const byPerson = new Map<string, Taken[]>();
  for (const entry of entries) {
    if (entry.kind !== "taken") continue;
    const known = byPerson.get(entry.to);
    if (known === undefined) byPerson.set(entry.to, [entry]);
    else known.push(entry);
  }
  return byPerson;
}

/** Puts the parts of each answer together. */
function groupsOf(firsts: readonly Taken[], blame: Blame): Group[] {
  const groups: Group[] = [];
  for (const { outboundId, body, at } of firsts) {
    const [, id = outboundId, part = "0"] = /^(.+)-(\d+)$/.exec(outboundId) ?? [];
    const { answers, words, isEnd } = readReply(body);
    let group = groups.find((one) => one.id === id);
    if (group === undefined) {
      const isFallback = body === FALLBACK;
      group = { id, at, answers, isFallback, words: 0, lastPart: 0, isComplete: isFallback };
      groups.push(group);
      if (!isFallback && answers === null) blame("out-of-order", `${outboundId} came before the part that begins it`);
    } else if (group !== groups.at(-1)) {
      blame("out-of-order", `${outboundId} came after another answer had begun`);
    }
    if (Number(part) !== group.lastPart + 1) blame("out-of-order", `${outboundId} came after part ${group.lastPart}`);
    group.lastPart = Number(part);
    for (const word of words) {
      if (word !== group.words + 1) blame("out-of-order", `${outboundId}: word ${word} after ${group.words}`);
      group.words = word;
    }
    if (isEnd) group.isComplete = true;
  }
  return groups;
}

/** No text reaches a person between the acknowledgement of a STOP and a START. */
function judgeStops(
  theirs: readonly PersonText[],
  ours: readonly Taken[],
  graceMs: number,
  blame: Blame,
  counts: { underWay: number; underWayMs: number },
): void {
  for (const stop of theirs) {
    if (stop.body !== "STOP" || stop.ackedAt === null) continue;
    const stoppedAt = stop.ackedAt;
    const startedAt = theirs.find(({ body, firstAt }) => body === "START" && firstAt > stoppedAt)?.firstAt;
    for (const { at, leftAt, outboundId } of ours) {
      if (at <= stoppedAt || leftAt >= (startedAt ?? Number.POSITIVE_INFINITY)) continue;
      const lateMs = leftAt - stoppedAt;
      if (lateMs > graceMs) blame("to-opted-out", `${outboundId} left ${lateMs} ms after the STOP was acknowledged`);
      counts.underWay += 1;
      counts.underWayMs = Math.max(counts.underWayMs, at - stoppedAt);
    }
  }
}

/** Each acknowledged text is answered once, and in order. */
function judgeAnswers(theirs: readonly PersonText[], groups: readonly Group[], blame: Blame): void {
  const places = new Map<number, number>();
  for (const [place, { id, answers, isComplete, at }] of groups.entries()) {
    for (const tag of answers ?? []) {
      if (!theirs.some((text) => text.tag === tag)) blame("duplicated", `${id} answers text ${tag} of another person`);
      if (places.has(tag)) blame("duplicated", `text ${tag} was answered again by ${id}`);
      else places.set(tag, place);
    }
    const wasStopped = theirs.some(({ body, firstAt }) => body === "STOP" && firstAt >= at - 1000);
    if (!isComplete && !wasStopped) blame("lost", `${id} was never completed`);
  }

  const lastStop = theirs.findLast(({ body }) => body === "STOP" || body === "START");
  const promised = theirs.filter(
    ({ tag, ackedAt, firstAt }) =>
      tag !== null &&
      ackedAt !== null &&
      (lastStop === undefined ||
        (lastStop.body === "START" && lastStop.ackedAt !== null && firstAt > lastStop.ackedAt)),
  );
  judgeMissing(theirs, promised, { places, groups }, blame);

  for (const earlier of theirs) {
    for (const later of theirs) {
      if (earlier.tag === null || later.tag === null || earlier.ackedAt === null) continue;
      const [first, second] = [places.get(earlier.tag), places.get(later.tag)];
      if (first === undefined || second === undefined || earlier.ackedAt >= later.firstAt) continue;
      if (first > second) blame("out-of-order", `text ${later.tag} was answered before text ${earlier.tag}`);
    }
  }
}

/** Finds texts without an answer or a fallback text, and fallback texts that answer nothing. */
function judgeMissing(
  theirs: readonly PersonText[],
  promised: readonly PersonText[],
  { places, groups }: { readonly places: ReadonlyMap<number, number>; readonly groups: readonly Group[] },
  blame: Blame,
): void {
  const asked = theirs.flatMap(({ tag, firstAt, ackedAt }) => (tag === null ? [] : [{ tag, firstAt, ackedAt }]));
  const fallbacks = new Map(groups.flatMap(({ isFallback, at }, place) => (isFallback ? [[place, at] as const] : [])));
  const { unanswered, idle } = matchFallbacks(asked, { places, fallbacks });
  const isPromised = new Set(promised.map(({ tag }) => tag));
  for (const tag of unanswered) {
    if (isPromised.has(tag)) blame("lost", `text ${tag} was acknowledged and never answered`);
  }
  // A fallback text that no STOP explains.
  if (theirs.some(({ body }) => body === "STOP")) return;
  for (const place of idle) blame("duplicated", `${groups[place]?.id} answers no text`);
}
