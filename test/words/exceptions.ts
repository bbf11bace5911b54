/** A place where a forbidden word is right, and why. One that excuses nothing fails the check. */
export interface Exception {
  readonly word: RegExp;
  /** The files, by their paths. @default all */
  readonly file?: RegExp;
  /** What the line has to say. @default anything */
  readonly line?: RegExp;
  readonly why: string;
}

export const EXCEPTIONS: readonly Exception[] = [
  { word: /^(tell|told)$/, line: /(tell|told)\b.*\bapart\b/, why: "to distinguish two things, in plain English" },
  { word: /^told$/, file: /opt-out\/courtesy\.ts$/, why: "what people write in their messages" },
  { word: /^dead$/, line: /dead-letter|dead_letter|deadLetter/, why: "the queues' own term: a dead-letter queue" },
  { word: /^op$/, line: /OP_MSG/, why: "MongoDB's own name of a message on the wire" },
  { word: /^persist$/, line: /--persist-to/, why: "an option of wrangler" },
  { word: /^persist$/, file: /sqlite-(connection|erasure)/, why: "a journal mode of SQLite" },
  { word: /^pending$/, file: /closing-reporter\.ts$/, why: "Vitest's state of a test" },
  { word: /^pace$/, file: /^bench\/webhook\//, why: "the option in the earlier package that the benchmark runs" },
  { word: /^carriers?$/, line: /mobile carriers?/i, why: "AT&T or Vodafone, which the word is for" },
  { word: /^nobody$/, file: /pgbouncer\.ts$/, why: "a user of Unix" },
];
