import { guardsOf, type Mutation } from "./mutation.ts";

/**
 * What makes a decision of several processes come out as one after the other: what it loads, what it guards, and what
 * a group decides together. The interleaving memory shows it, and its replay oracle.
 */
export const concurrencyGuards: readonly Mutation[] = guardsOf("memory", "src/storage/ledger", [
  [
    "a call that another process has decided meanwhile is not decided twice",
    ["guards", '  guard({ on: "call", key: plan.call, version: null });\n', ""],
  ],
  [
    "a call whose answer is stored guards nothing",
    ["guards", "if (set.storedAnswerOf(plan.call) === undefined) guardPlan", "guardPlan"],
  ],
  [
    "of two first messages one makes the conversation",
    [
      "guards",
      'if (root.by === "address" && set.wasAbsentAt',
      'if (root.by === "address" && set.now < 0 && set.wasAbsentAt',
    ],
  ],
  [
    "a conversation that was read is as it was when the decision is written",
    [
      "guards",
      "  if (!choosesAmong(plan)) for (const id of set.rootIds(index)) guardConversation(set, id, guard);\n",
      "",
    ],
  ],
  [
    "a conversation that was changed is as it was when the decision is written",
    ["guards", "  for (const id of touched) guardConversation(set, id, guard);\n", ""],
  ],
  [
    "a consent that was read is as it was when the decision is written",
    ["guards", '    guard({ on: "consent", key, version: versionIn(set.consents, key) });\n', ""],
  ],
  ["so is the consent of a message's conversation", ["guards", ", ...consentsOfRoot(set, plan, index)", ""]],
  [
    "a STOP sees a conversation that begins beside it",
    ["guards", '  guard({ on: "filed", key, version: filed.length + set.unreadUnder(key) });\n', ""],
  ],
  [
    "a STOP sees a message that is filed beside it",
    ["guards", "  for (const id of filed) guardConversation(set, id, guard);\n", ""],
  ],
  [
    "a key is taken once, also by different conversations",
    ["guards", "for (const { kind, key } of keys) {", "for (const { kind, key } of keys.slice(keys.length)) {"],
  ],
  [
    "a reservation at a rate limit is made once",
    [
      "guards",
      '  for (const key of rateLimits) guard({ on: "rateLimit", key, version: versionIn(set.rateLimits, key) });\n',
      "",
    ],
  ],
  [
    "a search for lost webhooks is claimed once",
    ["guards", '  for (const key of sweeps) guard({ on: "sweep", key, version: versionIn(set.sweeps, key) });\n', ""],
  ],
  [
    "a worker whose heartbeat comes in time keeps what it holds",
    ["guards", '  for (const [key, version] of set.reclaimed) guard({ on: "worker", key, version });\n', ""],
  ],
  ["a counter has room when it is charged", ["rules/counters", "    set.charges.push(condition);\n", ""]],
  [
    "a conversation is decided about once in a group",
    [
      "deciding",
      "if (names.some((name) => taken.has(name)",
      "if (taken.size < 0 && names.some((name) => taken.has(name)",
    ],
  ],
  [
    "a message that a group files is sent by a later group",
    ["deciding", '  if (root.by === "message") owners.push(added(messages, root.id));\n', ""],
  ],
  ["a call is decided once in a group", ["deciding", "  if (taken.has(call)) return true;\n", ""]],
  [
    "candidates and STOPs are decided alone",
    [
      "batching",
      'return choosesAmong(plan) || plan.slices.includes("stoppable");',
      "return choosesAmong(plan) && plan.slices.length < 0;",
    ],
  ],
  [
    "a message waits for the conversation's earlier ones",
    ["plans", 'slices: ["recorded", "queue"],', 'slices: ["recorded"],'],
  ],
  [
    "an opt-out loads what it stops in all conversations",
    [
      "plans",
      'const STOPPING: readonly Slice[] = ["stoppable", "open-turn"];',
      'const STOPPING: readonly Slice[] = ["open-turn"];',
    ],
  ],
  [
    "a send is judged with the other parts of its message",
    ["plans", 'slices: ["group", "turn", "queue", ...asked.slices],', 'slices: ["turn", "queue", ...asked.slices],'],
  ],
]);
