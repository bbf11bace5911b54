import { guardsOf, type Mutation } from "./mutation.ts";

/** The guards of the ledger's rules, which memory shows, and how each is removed. */
export const memoryGuards: readonly Mutation[] = guardsOf("memory", "src/storage", [
  [
    "a text's key is unique: a repeated webhook is not a second text",
    ["ledger/rules/inbound", 'set.key("inbound", record.key);', 'set.key("inbound", record.messageId);'],
  ],
  [
    "a repeated send() does not make a second message",
    ["ledger/rules/outbound", 'set.key("outbound", record.key);', 'set.key("outbound", record.groupId);'],
  ],
  [
    "a conversation is found under either spelling of a number",
    ["ledger/plans", "participantKey: participantKeyOf(participant) }", "participantKey: participant }"],
    ["ledger/rules/filing", "= participantKeyOf(participant);", "= participant;"],
  ],
  [
    "what is typed in the app does not change where messages go",
    ["ledger/rules/filing", '  if (origin !== "webhook") return;\n', ""],
  ],
  [
    "a message that was found late does not bring back an older spelling",
    ["ledger/rules/filing", "seenAt < Math.min(before, set.now)", "seenAt < 0"],
  ],
  [
    "what was filed before leaves to the spelling that the provider showed last",
    ["ledger/rules/admission", "  row.participant = conversationOfMessage(set, row).participant;\n", ""],
  ],
  [
    "a person is forgotten by either spelling",
    ["ledger/ledger", "participantKey: participantKeyOf(participant), line", "participantKey: participant, line"],
  ],
  [
    "a message expires by its reservation in the sender's rate limit",
    ["ledger/rules/admission", "Math.max(row.expiresAt, reservedAt + claim.expiryMs)", "row.expiresAt"],
  ],
  [
    "a worker claims turns of its own scope only",
    ["ledger/plans", 'root: { by: "due", scope, workerId,', 'root: { by: "due", scope: "default", workerId,'],
    ["ledger/rules/turns", "conversation.scope !== claim.scope || ", ""],
  ],
  [
    "a worker sends messages of its own scope only",
    ["ledger/rules/admission", " || conversationOfMessage(set, row).scope !== claim.scope) return", ") return"],
  ],
  [
    "a conversation is filed under the scope that it came to last",
    ["ledger/rules/filing", "    known.scope = scope;\n", ""],
  ],
  [
    "a worker lets others go first where it does not know the line",
    ["ledger/rules/leases", "return row.setAsideBy === workerId && dueAt", "return row.setAsideBy === null && dueAt"],
  ],
  [
    "a key that comes again with another content is refused",
    ["ledger/rules/outbound", 'content !== record.content ? "reused"', 'content === "" ? "reused"'],
  ],
  [
    "a send() to someone who opted out records nothing",
    [
      "ledger/rules/outbound",
      "if (isOptedOut(set, record.consents ?? onlyKey(record.consentKey))) {",
      "if (record.parts.length === 0) {",
    ],
  ],
  [
    "a turn is committed only by the worker that holds the lease and the fence",
    [
      "ledger/rules/leases",
      "if (conversation === undefined || conversation.leaseWorker !== held.workerId || conversation.fence !== held.fence) {",
      "if (conversation === undefined) {",
    ],
  ],
  [
    "a turn gives way to a newer text at its commit",
    ["ledger/rules/turns", "if (commit.supersede && hasUnanswered", "if (false && hasUnanswered"],
  ],
  [
    "a turn comes with no more messages than the worker asked for",
    ["memory/loads", "messages.slice(Math.max(0, messages.length - root.historyLimit))", "messages.slice()"],
  ],
  [
    "an answer says when the next message is due",
    ["ledger/rules/order", "return times.length === 0 ? null : inMs(set, Math.min(...times));", "return null;"],
  ],
  [
    "an answer says when the next turn is due",
    ["ledger/rules/order", "return at === null ? null : Math.max(0, at - now);", "return at === null ? null : 0;"],
  ],
  [
    "messages are not kept once more with each claim",
    ["ledger/ledger", "turns.map((turn) => ({ ...turn, history: null }))", "turns"],
  ],
  [
    "a claim takes no more turns than the worker has room for",
    ["ledger/rules/turns", "if (turns.length === claim.limit) break;", ""],
  ],
  [
    "one conversation has one turn at a time",
    ["ledger/rules/leases", "return leaseWorker === null ? dueAt : null;", "return dueAt;"],
    ["ledger/rules/turns", "  conversation.dueAt = null;\n  set.keepAlive", "  set.keepAlive"],
  ],
  [
    "a message that the provider took and did not send for now is sent again",
    [
      "ledger/rules/attempts",
      "if (retry === null || !sendAgain(set, row, retry)) showBest(set, row);",
      "showBest(set, row);",
    ],
  ],
  [
    "a message is not sent again while another attempt of it may have arrived",
    [
      "ledger/rules/attempts",
      "if (best === null || !isLost(best.status)) return false;",
      "if (best === null) return false;",
    ],
  ],
  [
    "what was cancelled, held or dropped is not sent again by the provider's word",
    ["ledger/rules/attempts", '  if (!OPEN.has(row.status) || row.origin === "auto-reply") return false;\n', ""],
  ],
  [
    "a message that would be too old by then is not sent again",
    ["ledger/rules/attempts", "  if (retryAt >= row.expiresAt) return false;\n", ""],
  ],
  [
    "a message waits longer before each further attempt",
    ["ledger/rules/attempts", "firstMs * 2 ** Math.min(row.attempts - 1, 20)", "firstMs"],
  ],
  [
    "a late report of a failed attempt does not end the wait for the next one",
    ["ledger/rules/attempts", '    if (wasLost && isLost(status) && row.status === "waiting") return true;\n', ""],
  ],
  [
    "an earlier attempt that failed is not a duplicate",
    ["ledger/rules/attempts", "row.providerMessageIds.filter((id) => !ids.has(id)).length > 1", "ids.size >= 0"],
  ],
  [
    "a turn that is given up ends, and its texts are not asked about again",
    ["ledger/rules/turns", 'if (release.reason === "given-up") {', "if (release.retryInMs < 0) {"],
  ],
  ["a turn that was given up can be answered anew", ["ledger/rules/recovery", ' && turn.outcome !== "failed"', ""]],
  ["a turn keeps why its last run failed", ["ledger/rules/turns", "turn.error = release.error ?? turn.error;", ""]],
  [
    "a turn that answers the same message again has another id",
    ["ledger/rules/turns", "turn.repetition + 1));", "turn.repetition * 0));"],
  ],
  [
    "one message of a conversation is on its way at a time",
    [
      "ledger/rules/admission",
      "if (waitsForOwnPart(set, row) || earlier.some(({ status }) => isQueued(status))) {",
      "if (waitsForOwnPart(set, row)) {",
    ],
    ["ledger/rules/order", "if (isQueued(row.status)) isBehind = true;", ""],
  ],
  [
    "a later part waits for the earlier ones of its text",
    ["ledger/rules/admission", "if (waitsForOwnPart(set, row) || earlier.some", "if (earlier.some"],
    ["ledger/rules/order", " || isBehind || waitsForOwnPart(set, row)) return null;", " || isBehind) return null;"],
  ],
  [
    "a message waits a while for an earlier one whose fate is unknown",
    ["ledger/rules/admission", "if (row.orderUntil > set.now) {", "if (row.orderUntil > set.now + 1e12) {"],
    ["ledger/rules/order", "Math.max(row.notBefore, row.orderUntil)", "row.notBefore"],
  ],
  [
    "what waits for an unknown message goes on when that one is settled",
    [
      "ledger/rules/order",
      "later.orderUntil !== 0) later.orderUntil = 0;",
      "later.orderUntil < 0) later.orderUntil = 0;",
    ],
  ],
  [
    "an end of an earlier part is the end of the later ones",
    ["ledger/rules/attempts", "effects.cancelled.push(...cancelLaterParts(set, row));", ""],
    [
      "ledger/rules/admission",
      'return status === "failed" || status === "undelivered" || status === "cancelled" || status === "held";',
      'return part < 0 && status === "failed";',
    ],
  ],
  [
    "a callback settles a message whose answer was lost",
    [
      "ledger/rules/attempts",
      "if (STATUS_RANK[status] > STATUS_RANK[attempt.status]) {",
      'if (attempt.status !== "unknown" && STATUS_RANK[status] > STATUS_RANK[attempt.status]) {',
    ],
  ],
  [
    "a status only rises by rank",
    [
      "ledger/rules/attempts",
      "if (STATUS_RANK[status] > STATUS_RANK[attempt.status]) {",
      "if (status !== attempt.status) {",
    ],
  ],
  [
    "a message shows the best of its attempts",
    [
      "ledger/rules/attempts",
      "if (best === null || STATUS_WORTH[status] >= STATUS_WORTH[best.status]) best",
      "if (best === null) best",
    ],
  ],
  [
    "an unknown attempt is decided about once",
    [
      "ledger/rules/attempts",
      'if (status === "refused" || (status === "unknown" && attempt !== last)) continue;',
      'if (status === "refused") continue;',
    ],
  ],
  [
    "a list's entry settles an unknown message only, and only where no other message has it",
    [
      "ledger/rules/attempts",
      'if (attempt.status !== "unknown" || set.key("provider", result.providerMessageId) !== undefined) break;',
      "",
    ],
  ],
  [
    "the send admission asks for consent",
    ["ledger/rules/admission", "if (conditions.consent && isOut)", "if (false && isOut)"],
  ],
  [
    "a message of a paused conversation does not leave",
    ["ledger/rules/admission", "if (conditions.unpaused && conversation.paused", "if (false && conversation.paused"],
  ],
  [
    "a full counter lets nothing pass",
    ["ledger/rules/counters", "+ condition.charge <= condition.max) continue;", "+ condition.charge > 0) continue;"],
  ],
  [
    "a STOP cancels what waits, in the commit that records it",
    [
      "ledger/rules/inbound",
      'const stopped = consent?.state === "opted-out" ? stopForOptOut',
      "const stopped = set.now < 0 ? stopForOptOut",
    ],
  ],
  [
    "a text of someone who opted out is not answered",
    [
      "ledger/rules/inbound",
      "const needsAnswer = record.needsAnswer && !isOptedOut(set, keys);",
      "const needsAnswer = record.needsAnswer;",
    ],
  ],
  ["an opt-out is confirmed once", ["ledger/rules/inbound", "isOptOut && consentChanged;", "isOptOut;"]],
  [
    "a second STOP does not stop the confirmation of the first",
    ["ledger/rules/consent", ' && row.origin !== "system");', ");"],
  ],
  [
    "the confirmation of an opt-out waits for no message before it",
    ["ledger/rules/order", 'return origin === "system";', 'return origin === "auto-reply";'],
  ],
  [
    "the confirmation of an opt-out does not leave to a person who opted in again",
    ["ledger/rules/admission", 'if (row.origin === "system" && !isOut) return "The person opted in again.";', ""],
  ],
  [
    "a YES lifts nothing but what the provider blocks",
    ["ledger/rules/consent", "return out.length > 0 && out.every(", "return out.length > 0 || out.every("],
  ],
  [
    "a YES lifts what the provider blocks",
    ["ledger/rules/consent", "      filed.providerBlocks ||= providerBlocks;\n", ""],
  ],
  [
    "a YES changes nothing for a person who refused nothing",
    ["ledger/rules/consent", "return out.length > 0 && out.every(", "return out.every("],
  ],
  [
    "an opt-out counts at the number and at its service, each by itself",
    ["ledger/rules/consent", "  return asksPerson ? [...own, person] : own;", "  return own.slice(-1);"],
  ],
  [
    "an opt-out is filed under each of its keys",
    [
      "ledger/rules/consent",
      "for (const key of keysIn(keys)) {",
      "for (const key of [keys.own.at(-1) ?? keys.person]) {",
    ],
  ],
  [
    "an opt-out covers all senders where it should",
    ["ledger/rules/consent", "  return asksPerson ? [...own, person] : own;", "  return own;"],
  ],
  [
    "a START to a service lifts what was refused through the service",
    [
      "ledger/rules/consent",
      "if (filed.service === null || !services.includes(filed.service)) return true;",
      "return true;",
    ],
  ],
  [
    "a START to a service does not lift what was refused at the number itself",
    ["ledger/rules/consent", "if (filed.service !== service) filed.service = null;", "filed.service = service;"],
    [
      "ledger/rules/consent",
      'services.includes(set.consents.get(key)?.service ?? "")',
      "set.consents.get(key)?.service !== undefined",
    ],
  ],
  [
    "an opt-out stops what waits to leave from its senders alone",
    [
      "ledger/rules/consent",
      "return stops === null || stops.includes(withoutChannel(address));",
      "return stops !== undefined;",
    ],
  ],
  [
    "an opt-out stops what waits in other conversations of the person",
    [
      "ledger/rules/consent",
      "if (rows.length === 0) continue;",
      "if (rows.length === 0 || id !== conversation.id) continue;",
    ],
  ],
  [
    "a refusal from before the START at one of its keys does not count",
    ["ledger/rules/attempts", "if (hasOptedInSince(set, keys, startedAt)) return;", "if (startedAt < 0) return;"],
  ],
  [
    "a STOP takes the lease from a running turn",
    ["ledger/rules/consent", "  revokeLease(conversation);\n", ""],
    ["ledger/rules/consent", "  endOpenTurn(set, conversation);\n", ""],
  ],
  [
    "a call repeated under its call id returns the first result",
    ["ledger/ledger", "if (known !== undefined) {", "if (known === call) {"],
  ],
  [
    "a call that runs again after its own commit gets its first answer",
    ["ledger/rules/inbound", 'outcome: isSameCall ? "recorded" : "repeated",', 'outcome: "repeated",'],
    ["ledger/rules/outbound", 'firstCall === call ? "recorded" : "repeated",', '"repeated",'],
  ],
  [
    "a heartbeat reclaims the turns and messages of expired workers",
    [
      "ledger/rules/heartbeat",
      "if (holder === null || holder === workerId || !set.expired.has(holder)) return false;",
      "if (holder === null || holder !== workerId || !set.expired.has(holder)) return false;",
    ],
  ],
  [
    "a heartbeat leaves those who are alive alone",
    [
      "memory/roots",
      "if (id === workerId || worker.scope !== scope || !isExpired(worker, now)) continue;",
      "if (id === workerId || worker.scope !== scope) continue;",
    ],
    ["ledger/working-set", " && isExpired(worker, this.now)", ""],
  ],
  [
    "a message that waited beyond its expiry does not leave",
    ["ledger/rules/admission", "if (set.now >= row.expiresAt)", "if (set.now >= row.expiresAt + 1e12)"],
  ],
  [
    "a burst is answered when the person is quiet",
    [
      "ledger/rules/inbound",
      "conversation.dueAt = Math.max(settled, set.now, conversation.backoffUntil);",
      "conversation.dueAt = Math.max(set.now, conversation.backoffUntil, settled - settled);",
    ],
  ],
  [
    "a person's takeover takes the lease from a running turn",
    ["ledger/rules/pause", "  revokeLease(conversation);\n", ""],
  ],
  [
    "an erased text's key is kept: a late webhook or sweep does not store it again",
    [
      "memory/tables",
      'this.#forgetKey("inbound", row.key, row.id);',
      'this.keys.delete(nameOf("inbound", row.key ?? ""));',
    ],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    [
      "memory/tables",
      'this.#forgetKey("outbound", row.key, row.groupId);',
      'this.keys.delete(nameOf("outbound", row.key ?? ""));',
    ],
  ],
  [
    "a provider's id is kept when its message is erased: it is evidence of no other",
    ["memory/tables", 'this.#forgetKey("provider", id, row.id);', 'this.keys.delete(nameOf("provider", id));'],
  ],
  [
    "what waits goes with the person who is erased",
    [
      "memory/tables",
      "      this.#unindexMessage(message);\n      this.messages.delete(row.id);\n",
      '      if (row.status !== "waiting") this.messages.delete(row.id);\n',
    ],
  ],
  [
    "a STOP outlives the data of its person",
    [
      "memory/erasure",
      "    tables.deleteConversation(conversation);\n    ids.add",
      "    tables.deleteConversation(conversation);\n    tables.consents.delete(conversation.row.consentKey);\n    ids.add",
    ],
  ],
  [
    "stored answers go with the person who is erased",
    [
      "memory/answers",
      "if (conversationIds.some((id) => erased.has(id))) this.#answers.delete(call);",
      "void [call, conversationIds];",
    ],
  ],
  [
    "what waits for something is not purged",
    ["memory/erasure", "if (!isDone(message.row, message.conversation.row.answeredSeq)) continue;", ""],
  ],
  [
    "a sweep is committed only by the worker that claimed it last",
    [
      "ledger/rules/sweep",
      "if (row === undefined || row.claimedUntil === null || row.fence !== commit.fence) return false;",
      "if (row === undefined) return false;",
    ],
  ],
  [
    "a STOP that was found late does not undo the START after it",
    [
      "ledger/rules/consent",
      "return hasOptedInSince(set, keys, change.unlessSince) ? null : change;",
      "return hasOptedInSince(set, keys, Number.MAX_VALUE) ? null : change;",
    ],
  ],
  [
    "a START renews the time of the consent",
    [
      "ledger/rules/consent",
      "else Object.assign(filed, row);",
      "else if (filed.state !== state) Object.assign(filed, row);",
    ],
  ],
  [
    "a refusal of what was sent before the START does not opt the person out",
    ["ledger/rules/attempts", "if (hasOptedInSince(set, keys, startedAt)) return;", ""],
  ],
  [
    "a message waits for its reservation in the sender's rate limit",
    ["ledger/rules/rate-limit", "if (row.reservedAt > now) return row.reservedAt;", ""],
  ],
  [
    "the reservations of a sender do not overlap",
    ["ledger/rules/rate-limit", "limit.freeAt += costMs;", "limit.freeAt += costMs / 2;"],
  ],
  [
    "once a provider asks for less, reservations that were given before count no more",
    ["ledger/rules/rate-limit", "  limit.epoch += 1;\n", ""],
  ],
  [
    "reservations that count no more hold no message up",
    [
      "ledger/rules/rate-limit",
      "limit.freeAt = limit.usedUntil;",
      "limit.freeAt = Math.max(limit.freeAt, limit.usedUntil);",
    ],
  ],
  [
    "an operator decides only about what is held or unknown",
    [
      "ledger/rules/resolution",
      "effects.isNew = from.some((status) => status === row.status) && isAsDecidedAbout;",
      "effects.isNew = from.length > 0 && isAsDecidedAbout;",
    ],
  ],
  [
    "a turn is answered anew only where no later one has answered since",
    ["ledger/rules/recovery", 'if (hasLaterTurn(set, turn)) return refuse("newer");', ""],
  ],
  [
    "a turn is not answered anew for a person who has opted out since",
    [
      "ledger/rules/recovery",
      'if (isOptedOut(set, consents ?? onlyKey(filedKey(set, conversation)))) return refuse("opted-out");',
      "",
    ],
  ],
  [
    "after a restore, what was under way is looked for before it is sent again",
    ["ledger/rules/recovery", 'changeStatus(set, row, "unknown", null);', 'changeStatus(set, row, "waiting", null);'],
  ],
]);
