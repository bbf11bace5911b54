import { guardsOf, type Mutation } from "./mutation.ts";

/** What holds where a clock was ahead: the rules, and how each database finds and writes what they need. */
export const clockGuards: readonly Mutation[] = [
  ...guardsOf("memory", "src/storage/ledger/rules", [
    [
      "times that were written by a clock ahead are void",
      ["clock", "return writtenAt > latestRight(now);", "return writtenAt > latestRight(now) && false;"],
    ],
    [
      "a clock that is ahead by a minute or less is believed",
      ["clock", "return writtenAt > latestRight(now);", "return writtenAt > now;"],
    ],
    [
      "a backoff that a clock ahead left counts no longer",
      ["clock", "  row.backoffUntil = Math.min(row.backoffUntil, now);\n", ""],
    ],
    [
      "a turn that a worker set aside by a clock ahead is due for that worker too",
      ["clock", "  row.setAsideBy = null;\n", ""],
    ],
    [
      "a message that a clock ahead has wait is due",
      ["clock", "  row.notBefore = atLatest(row.notBefore, now);\n", ""],
    ],
    [
      "a state is unknown since now where a clock ahead says since when",
      ["clock", "  row.unknownSince = atLatest(row.unknownSince, now);\n", ""],
    ],
    ["reservations at a rate limit that a clock ahead wrote are void", ["clock", "  row.epoch += 1;\n", ""]],
    [
      "a sweep that a clock ahead claimed is claimed by another worker",
      ["clock", "  row.claimedUntil = atLatest(row.claimedUntil, now);\n", ""],
    ],
    [
      "a sweep that a clock ahead committed is made again",
      ["clock", "  if (row.committedAt !== null && row.committedAt > now) row.committedAt = null;\n", ""],
    ],
    [
      "an attempt that a clock ahead began is looked for from the time when its message was made",
      [
        "clock",
        "  if (!isAhead(startedAt, now)) return { startedAt, startedAfter };",
        "  if (now > 0) return { startedAt, startedAfter };",
      ],
    ],
    [
      "the time of a change is kept with it",
      [
        "../changes",
        "if (moments.has(field)) return { ...patch, writtenAt };",
        "if (moments.has(field)) return patch;",
      ],
    ],
    [
      "a START that a clock ahead filed undoes no STOP",
      ["consent", 'return !set.ahead.noteIfAhead("consent", filed.changedAt);', "return true;"],
    ],
    [
      "a window that a clock ahead opened is over",
      ["counters", "return endsAt > now && !isAhead(writtenAt, now);", "return endsAt > now;"],
    ],
    [
      "a worker that was heard of by a clock ahead expires a lease later",
      ["heartbeat", "    if (id !== workerId) set.keepAlive({ workerId: id, scope }, set.now + leaseMs);\n", ""],
    ],
    [
      "a worker that was heard of by a clock ahead is not expired yet",
      ["../working-set", "!this.heardAhead.includes(worker)", "worker.id.length > 0"],
    ],
    [
      "a message that is found too old long after its expiry is looked at again before it is cancelled",
      ["admission", "  if (doubtMs > 0) return waitFor", "  if (doubtMs > 0 && false) return waitFor"],
    ],
    ["an expiry that a clock ahead set is brought back", ["admission", "  bringExpiryBack(set, row, claim);\n", ""]],
    [
      "an expiry is brought back by a second look only",
      ["admission", "expiryMs === undefined || set.now - row.writtenAt < LOOK_AGAIN_MS", "expiryMs === undefined"],
    ],
    [
      "what a clock ahead wrote is guarded although its call waits",
      [
        "../guards",
        '  for (const { key = "" } of rateLimits) guard({ on: "rateLimit", key, version: versionIn(set.rateLimits, key) });\n',
        "",
      ],
    ],
    ["what a clock ahead wrote is reported", ["../deciding", "      unreadable.noteAhead(decisions.ahead);\n", ""]],
    [
      "a counter that a clock ahead opened is reported",
      ["counters", '  set.ahead.noteIfAhead("counter", row.writtenAt);\n', ""],
    ],
    [
      "a heartbeat that a clock ahead wrote is reported",
      ["heartbeat", '    set.ahead.noteIfAhead("worker", writtenAt);\n', ""],
    ],
    [
      "what a clock ahead wrote is reported once for each kind of row",
      ["../wrong-clock", "    if (before !== undefined && isSameOccurrence(before, one)) continue;\n", ""],
    ],
    [
      "an answer that a clock ahead stored is forgotten an hour later",
      ["../../memory/answers", "    this.#dateAhead(now);\n", ""],
    ],
    [
      "what a clock ahead wrote is found although it is due much later",
      [
        "../../memory/roots",
        "take(byWriting.of(scope).from(aheadOf(now)), limit)",
        "take(byWriting.of(scope).from(aheadOf(now)), 0)",
      ],
    ],
  ]),
  ...guardsOf("memory", "src/engine", [
    [
      "the provider's list is read from before an attempt whose beginning is not known",
      [
        "outbound/reconcile",
        "Math.min(...unknown.attempts.map(earliestStart))",
        "Math.min(...unknown.attempts.map(({ startedAt }) => startedAt))",
      ],
    ],
    [
      "an entry of the list may be older than the time by which an attempt began",
      [
        "outbound/evidence",
        "return (attempt) => earliestStart(attempt) + behindMs",
        "return (attempt) => attempt.startedAt + behindMs",
      ],
    ],
  ]),
  ...guardsOf("memory", "src/engine", [
    [
      "an engine reports what a clock ahead wrote once",
      ["support/problems", "    if (reported.has(error)) return false;\n", ""],
    ],
    [
      "what a clock ahead wrote is reported where a message comes in",
      [
        "api/commands",
        "    reportProblems(context);\n    const { message, conversation }",
        "    const { message, conversation }",
      ],
    ],
    [
      "what a clock ahead wrote is reported where a message is stored to be sent",
      ["api/commands", "      reportProblems(context);\n      if (recorded.", "      if (recorded."],
    ],
    [
      "what a clock ahead wrote is reported where a status callback comes in",
      ["api/commands", "      reportProblems(context);\n      if (delivery === null)", "      if (delivery === null)"],
    ],
    [
      "what a search for lost webhooks meets that a clock ahead wrote is reported",
      ["worker/worker", "  reportProblems(context);\n", ""],
    ],
  ]),
  ...guardsOf("sqlite", "src/storage/ledger", [
    [
      "what a clock ahead wrote is reported where calls are decided together",
      ["batching", "      unreadable.noteAhead(decisions.ahead);\n", ""],
    ],
  ]),
  ...guardsOf("sqlite", "src/storage/sql", [
    [
      "an answer that a clock ahead stored is forgotten an hour later",
      ["prune", "[DATE_ANSWERS, PRUNE_ANSWERS, PRUNE_WORKERS]", "[PRUNE_ANSWERS, PRUNE_WORKERS]"],
    ],
    [
      "a turn that a clock ahead has wait is found",
      ["load-statements", "aheadConversations(NOW)} order", "aheadConversations(NOW)} and false order"],
    ],
    [
      "a message that a clock ahead has wait is found",
      ["due", "aheadMessages(NOW)} order", "aheadMessages(NOW)} and false order"],
    ],
    [
      "a worker that was heard of by a clock ahead is looked at",
      ["load-statements", 'isExpired("w", NOW)}', '"w.alive_until <= ".concat(NOW)}'],
    ],
    [
      "a worker that was heard of by a clock ahead has a heartbeat asked for",
      ["due", 'expiryOf("w", "n.at")', '"w.alive_until"'],
    ],
    [
      "a worker's time is not kept where a clock ahead wrote it",
      ["writes", 'isAhead("w", "excluded.written_at")}', '"false"}'],
    ],
    [
      "a counter is charged anew where a clock ahead opened it",
      ["writes", 'isOpenWindow("k", "excluded.written_at")', '"k.ends_at > excluded.written_at"'],
    ],
    ["a counter that a clock ahead opened is not full", ["guards", 'isOpenWindow("n", ":now")', '"n.ends_at > :now"']],
  ]),
  ...guardsOf("postgres", "src/storage/postgres", [
    [
      "an answer that a clock ahead stored is forgotten an hour later",
      ["apply", 'isLaterThanRight("f.at", "moment")', 'isLaterThanRight("false and f.at", "moment")'],
    ],
    ["a turn that a clock ahead has wait is found", ["loads", "c where c.scope = p ->> 'scope'\n", "c where false\n"]],
    [
      "a message that a clock ahead has wait is found",
      [
        "due",
        "where m.scope = $3 and m.conversation_id <> all (n.without)\n        union",
        "where false\n        union",
      ],
    ],
    [
      "a worker that was heard of by a clock ahead is looked at",
      ["loads", 'isWorkerAhead("w", "moment")}', '"false"}'],
    ],
    [
      "a worker that was heard of by a clock ahead has a heartbeat asked for",
      ["due", 'isWorkerAhead("w", "n.at")}', '"false"}'],
    ],
    ["a worker's time is not kept where a clock ahead wrote it", ["apply", 'isAhead("w", "moment")}', '"false"}']],
    [
      "a counter is charged anew where a clock ahead opened it",
      ["apply", 'isOpenWindow("k", "moment")', '"k.ends_at > moment"'],
    ],
  ]),
  ...guardsOf("mongodb", "src/storage/mongodb", [
    [
      "an answer that a clock ahead stored is forgotten an hour later",
      ["prune", "  if (ahead.length > 0) await dateAnswers(store, ahead.map(idIn), now);\n", ""],
    ],
    [
      "what a clock ahead has wait is found",
      [
        "waiting",
        "if (newest === null || !isAhead(newest, now)) return [];",
        "if (newest === null || now > 0) return [];",
      ],
    ],
    [
      "a worker that was heard of by a clock ahead is looked at",
      ["roots", "isExpired(worker, now) ? [doc]", "worker.aliveUntil <= now ? [doc]"],
    ],
    [
      "a worker that was heard of by a clock ahead has a heartbeat asked for",
      ["due", "expiryOf(worker, now)", "worker.aliveUntil"],
    ],
    [
      "a worker's time is not kept where a clock ahead wrote it",
      ["commit", "      { updateOne: { filter: ahead, update: { $set: { aliveUntil: until } } } },\n", ""],
    ],
    [
      "a counter is charged anew where a clock ahead opened it",
      ["commit", "if (!isOpenWindow(counter, now)) {", "if (counter.endsAt <= now) {"],
    ],
  ]),
];
