import { OwnlineError } from "../../errors.ts";
import type { Ahead, AheadKind } from "./rules/clock.ts";

/**
 * A clock that is wrong for a moment can write many rows. Rows count as one occurrence where their times of writing, or
 * the times when they were found, are less than this far apart.
 */
const OCCURRENCE_MS = 3_600_000;

/** The most errors in the list. */
const MOST_ERRORS = 100;

/**
 * The rows that a clock ahead of the database's clock wrote, as far as one storage object has read them. The next
 * decision that reads such a row writes valid times into it.
 */
export interface WrongClock {
  /** Notes the rows that a decision has met. Returns whether this added an error. */
  note(found: readonly Ahead[]): boolean;
  /** Errors for the operator: one for each kind of row and each occurrence. Changed in place. */
  readonly errors: readonly OwnlineError[];
}

/** `ledger`: the ledger's name, for the errors. */
export function wrongClock(ledger: string): WrongClock {
  const last = new Map<AheadKind, Ahead>();
  const errors: OwnlineError[] = [];
  return {
    errors,
    note(found) {
      let isNews = false;
      for (const one of found) {
        const before = last.get(one.kind);
        last.set(one.kind, one);
        if (before !== undefined && isSameOccurrence(before, one)) continue;
        errors.push(wrongClockError(ledger, one));
        if (errors.length > MOST_ERRORS) errors.shift();
        isNews = true;
      }
      return isNews;
    },
  };
}

function isSameOccurrence(one: Ahead, other: Ahead): boolean {
  const isNear = (moment: "newestAt" | "now"): boolean => Math.abs(one[moment] - other[moment]) < OCCURRENCE_MS;
  return isNear("newestAt") || isNear("now");
}

/** For each kind of row: whose times are void, and what happens because they are void. */
const CONSEQUENCES: { readonly [K in AheadKind]: readonly [whose: string, consequence: string] } = {
  conversation: ["turns", "each may begin now"],
  message: ["messages", "each that waits is due now and is judged anew"],
  attempt: ["attempts to send", "the provider's list is searched from the time when the message of each was made"],
  consent: ["a START", "it opts the person in, and undoes no STOP that was found late and no refusal by the provider"],
  counter: ["counters", "the window of each is over"],
  "rate limit": [
    "rate limits",
    "each starts anew, and a message takes a new reservation when the time of its old one comes",
  ],
  sweep: ["searches for lost webhooks", "each is made again"],
  worker: ["heartbeats", "each worker counts as alive for one more lease, and then what it holds is taken over"],
};

function wrongClockError(ledger: string, { kind, newestAt, now }: Ahead): OwnlineError {
  const [whose, consequence] = CONSEQUENCES[kind];
  return new OwnlineError(
    "storage_clock",
    `The clock of the ${ledger} ledger said ${isoOf(newestAt)} when it wrote rows, and says ${isoOf(now)} now: it was ` +
      `${durationOf(newestAt - now)} ahead then, or is behind now. The times of ${whose} are void: ${consequence}. ` +
      "Nothing else is lost. Find out when the clock is wrong, and synchronize it by NTP: for SQLite and memory it is " +
      "the clock of this machine, otherwise the clock of the database's server.",
  );
}

const UNITS: readonly (readonly [ms: number, name: string])[] = [
  [86_400_000, "days"],
  [3_600_000, "hours"],
  [60_000, "minutes"],
];

function durationOf(ms: number): string {
  const [unitMs, name] = UNITS.find(([each]) => ms >= 2 * each) ?? [1000, "seconds"];
  return `${Math.round(ms / unitMs)} ${name}`;
}

/** The last moment that a `Date` can represent. A clock that is far ahead may return a later one. */
const LAST_DATE_MS = 8.64e15;

function isoOf(moment: number): string {
  return Math.abs(moment) > LAST_DATE_MS ? `${moment} ms` : new Date(moment).toISOString();
}
