/** A concept of the library, the words that are not said for it, and the word that is. */
export interface Rule {
  /** Each form that is forbidden, in lower case. */
  readonly not: readonly string[];
  /** What to say instead. */
  readonly say: string;
  /** Where: in names (identifiers, codes, columns, files), or in names and in sentences. */
  readonly where: "names" | "everywhere";
  /** The folders that it holds in. @default all that are checked */
  readonly under?: RegExp;
}

/**
 * One concept, one word. `text`, `report` and `person` are not here, because each has a sense that is right beside the
 * one that is not: a check of words cannot know which one is meant. `slow` and `kept` are plain English outside of the
 * ledger and the engine.
 */
export const RULES: readonly Rule[] = [
  { not: ["carrier", "carriers"], say: "provider (Twilio), or transport for our port to it", where: "everywhere" },
  { not: ["intent", "intents"], say: "waiting; only `send({ intent })` is Twilio's", where: "everywhere" },
  { not: ["pending"], say: "unanswered for inbound messages, waiting for outbound ones", where: "everywhere" },
  {
    not: ["bell", "bells", "ring", "rings", "ringing", "rang", "rung", "ringer", "ringers"],
    say: "wake-up, notify",
    where: "everywhere",
  },
  { not: ["heart", "hearts", "beat", "beats"], say: "heartbeat", where: "everywhere" },
  {
    not: ["dead", "death", "deaths", "bury", "buries", "buried", "burying"],
    say: "expired worker, reclaim; failed for a turn",
    where: "everywhere",
  },
  {
    not: ["tell", "tells", "told", "telling", "teller", "tellers"],
    say: "emit, report, log; or show, say",
    where: "everywhere",
  },
  { not: ["heed", "heeds", "heeded"], say: "handle", where: "everywhere" },
  { not: ["attend", "attends", "attended"], say: "schedule", where: "everywhere" },
  { not: ["upkeep"], say: "admin", where: "everywhere" },
  { not: ["door", "doors"], say: "commands", where: "everywhere" },
  { not: ["persist", "persists", "persisted"], say: "retry, or store", where: "everywhere" },
  { not: ["tally", "tallies"], say: "count", where: "everywhere" },
  { not: ["gate", "gates", "gated"], say: "send admission", where: "everywhere" },
  { not: ["pace", "paces", "paced", "pacing"], say: "rate limit", where: "everywhere" },
  { not: ["slot", "slots"], say: "reservation", where: "everywhere" },
  { not: ["slow", "slows", "slowed", "slower"], say: "back off", where: "names", under: /^src\/(storage|engine)\// },
  { not: ["fact", "facts"], say: "delivery event", where: "everywhere" },
  { not: ["witness", "witnesses", "witnessed", "witnessing"], say: "evidence", where: "everywhere" },
  { not: ["rival", "rivals"], say: "competing attempts", where: "everywhere" },
  { not: ["suspect", "suspects", "suspected"], say: "mark as unknown", where: "everywhere" },
  { not: ["op", "ops"], say: "call id", where: "names" },
  { not: ["kept"], say: "stored answer, or stored", where: "names", under: /^src\/(storage|engine)\// },
  {
    not: ["nobody", "somebody", "whoever", "whatever"],
    say: "the actor: the worker, the caller, the provider, the operator",
    where: "everywhere",
  },
];
