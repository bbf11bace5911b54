import { guardsOf, type Mutation } from "./mutation.ts";

/** The guards of the engine and of its handler of webhooks, and how each is removed. */
export const engineGuards: readonly Mutation[] = guardsOf("memory", "src", [
  [
    "a process that stood still for longer than its lease does not send",
    [
      "engine/outbound/deliver",
      "const tooLate = clock.now() - askedAt >= worker.leaseMs;",
      "const tooLate = askedAt < 0;",
    ],
  ],
  [
    "a lease whose run could not reach the ledger at its end is given back",
    ["engine/worker/heartbeat", "    releaseIdle(answer.leases);\n", ""],
  ],
  [
    "heartbeats go on while a stop waits for runs, and after a pass that failed",
    ["engine/worker/heartbeat", "underWay().length > 0) void watched(", "underWay().length < 0) void watched("],
  ],
  [
    "an answer that the ledger refuses for good counts as a failed run",
    ["engine/turns/turn", "      if (isTemporary(cause)) throw cause;\n", "      throw cause;\n"],
    ["engine/turns/turn", "if (mayHaveAsked || !isTemporary(error)) {", "if (gaveUp.signal.reason === 1) {"],
  ],
  [
    "a turn ends where the ledger refuses the fallback text too",
    [
      "engine/turns/turn",
      "const standsIn = refused !== null && refused.error !== null;",
      "const standsIn = refused === claimed;",
    ],
  ],
  [
    "a release that the ledger refused is repeated as it was",
    ["engine/worker/heartbeat", "owes?.fence === fence ? owes :", "owes === null ? owes :"],
  ],
  [
    "a Brazilian landline is another person than a mobile number",
    [
      "model/person-address",
      "BRAZIL_OLD_MOBILE = /^\\+55([1-9]\\d)([6-9]",
      "BRAZIL_OLD_MOBILE = /^\\+55([1-9]\\d)([2-9]",
    ],
  ],
  [
    "an Argentine number without its 9 is a mobile one on WhatsApp only",
    ["model/person-address", 'channel === "whatsapp:" ? ARGENTINA_WITHOUT_NINE', "number ? ARGENTINA_WITHOUT_NINE"],
  ],
  [
    "a lost answer is looked for under each spelling of a number",
    ["engine/support/provider-list", "spellingsOf(to).map(", "spellingsOf(to).slice(0, 1).map("],
  ],
  [
    "an entry of the list proves a message under each spelling of a number",
    ["engine/outbound/evidence", "participantKeyOf(to) === toKey", "to === message.to"],
  ],
  [
    "a send() that is repeated with the other spelling of a number is the same",
    ["engine/api/commands", "contentDigest({ to: person, ", "contentDigest({ to, "],
  ],
  [
    "a person is forgotten on SMS by the spelling that WhatsApp writes",
    ["engine/api/erase", "[withoutChannel(address), personOf(address)]", "[withoutChannel(address)]"],
  ],
  [
    "a lost answer is decided about early only where the list shows newer messages",
    ["engine/outbound/passed-by", "|| !found.messages.some(({ createdAt }) => createdAt > overAt)", ""],
  ],
  [
    "a lost answer is decided about early only after two looks that are apart",
    ["engine/outbound/passed-by", "asOf - firstLook >= APART_MS", "asOf >= firstLook"],
  ],
  [
    "a lost answer is decided about early only after the provider's clock has passed the attempt",
    ["engine/outbound/passed-by", " || asOf < startedAt + SETTLED_MS", ""],
  ],
  [
    "a row of the ledger that cannot be read is reported once",
    [
      "engine/api/engine",
      "if (isToBeReported(error)) baseReporter.error(error, texts);",
      "baseReporter.error(error, texts);",
    ],
  ],
  [
    "neither the AI nor the fallback text stands in for a row that cannot be read",
    ["engine/turns/turn", "    if (isCorrupt(error)) {\n", "    if (isCorrupt(error) && claimed.fence < 0) {\n"],
  ],
  [
    "an answer that meets a row which cannot be read is not a failed run",
    ["engine/turns/turn", "isCorrupt(cause) ? cause : refusal(context, cause)", "refusal(context, cause)"],
  ],
  [
    "a list that leaves out what cannot be read reports it",
    [
      "engine/support/problems",
      "for (const error of storage.problems) reporter.error(error);",
      "void [storage, reporter];",
    ],
  ],
  [
    "a lost text that meets a row which cannot be read does not stop the search for the others",
    ["engine/inbound/sweep", " || isCorrupt(error)) return false;", ") return false;"],
  ],
  [
    "a webhook is answered 200 only after the commit",
    ["http/handler", "return refuse(503, error.code", "return refuse(200, error.code"],
  ],
  [
    "a sweep reaches back behind the last one, as far as the list may lag",
    [
      "engine/inbound/sweep",
      "watermark === null ? { lastMs: firstLookBackMs } : watermark - overlapMs;",
      "watermark === null ? { lastMs: firstLookBackMs } : watermark + 0 * overlapMs;",
    ],
  ],
  [
    "a sweep moves the watermark only after it has stored what it found",
    [
      "engine/inbound/sweep",
      "      if (signal.aborted) return { found, missed: 1 };\n",
      "      if (signal.aborted || found > 0) break;\n",
    ],
  ],
  [
    "a text that was found too late is shown, and not answered",
    ["engine/inbound/sweep", "ageMs > answerWithinMs;", "ageMs > answerWithinMs + 1e12;"],
  ],
  [
    "a START that was found late does not opt the person in",
    [
      "engine/inbound/receive",
      '(message.swept !== undefined && state === "opted-in")',
      '(message.swept !== undefined && state !== "opted-in" && state !== "opted-out")',
    ],
  ],
  [
    "a START is left to its webhook for as long as that may come",
    ["engine/inbound/sweep", "ageMs < Math.min(", "ageMs < 0 * Math.min("],
  ],
]);
