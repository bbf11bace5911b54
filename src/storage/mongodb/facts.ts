import { keepable } from "../sql/statement.ts";
import type { ClaimedSend, RecordedFact, Resolution, SendClaim, SendRecord, StatusRecord } from "../storage.ts";
import { text } from "./fields.ts";
import { resolve as judgeResolution, recordSend as judgeSend, recordStatus as judgeStatus } from "./judgement/facts.ts";
import { claimSend as judgeGate } from "./judgement/gate.ts";
import { loadCarrierIds, loadConsent, loadHead, loadOpenTurn, loadOutbound } from "./loads.ts";
import { keepWorkerAlive, lockConsent, lockConversationOf, lockCounters, lockPace } from "./locks.ts";
import type { Method } from "./operations.ts";
import { loadOptOut } from "./texts.ts";
import type { WorkingSet } from "./working-set.ts";
import { carrierKey } from "./writes.ts";

/** See {@link Storage.claimSend}. */
export const CLAIM_SEND: Method<SendClaim, ClaimedSend> = {
  name: "claimSend",
  line: "worker",
  judge: judgeGate,
  async lock(set, { outboundId, workerId }) {
    keepable(workerId);
    await lockConversationOf(set, keepable(outboundId));
  },
  async load(set, { outboundId, conditions }) {
    for (const conversation of set.ledger.conversations.values()) {
      const { id, paused } = conversation.shown;
      // What a turn said while it handed over leaves all the same.
      const row = await loadOutbound(set, outboundId, { withTurn: paused });
      if (row?.message.status !== "intent") continue;
      if (conditions.consent) await loadConsent(set, conversation);
      set.addMessages(await set.find("messages", { conversationId: id, open: "unknown" }, { sort: { seq: 1 } }));
      await loadHead(set, conversation);
      await lockCounters(
        set,
        conditions.counters.map(({ key }) => keepable(key)),
      );
      if (conditions.pace !== null) await lockPace(set, keepable(conditions.pace.key));
    }
  },
  changedNothing: ({ outcome }) => outcome === "gone",
  async finish(set, { workerId, leaseMs }, { outcome }) {
    if (outcome === "claimed") await keepWorkerAlive(set, workerId, leaseMs);
  },
};

/** See {@link Storage.recordSend}. */
export const RECORD_SEND: Method<SendRecord, RecordedFact> = {
  name: "recordSend",
  line: "worker",
  judge: judgeSend,
  async lock(set, { outboundId }) {
    await lockConversationOf(set, keepable(outboundId));
  },
  async load(set, { outboundId, result }) {
    const isOptOut = result.kind === "refused" && result.next === "opt-out";
    await loadForFact(set, outboundId, isOptOut);
    if (result.kind === "accepted" || result.kind === "found") {
      await loadCarrierIds(set, [keepable(result.carrierId)]);
    }
    if (result.kind === "refused" && result.slow !== undefined) await lockPace(set, keepable(result.slow.key));
  },
  changedNothing: isUnmatched,
};

/** See {@link Storage.recordStatus}. */
export const RECORD_STATUS: Method<StatusRecord, RecordedFact> = {
  name: "recordStatus",
  line: "outside",
  judge: judgeStatus,
  async lock(set, record) {
    await lockConversationOf(set, await messageOf(set, record));
  },
  async load(set, record) {
    await loadForFact(set, await messageOf(set, record), record.optOut);
    await loadCarrierIds(set, [record.carrierId]);
  },
  changedNothing: isUnmatched,
};

/** Whose callback it is: the attempt's that it names, if there is one, else the one that has the carrier's id. */
async function messageOf(set: WorkingSet, { outboundId, attempt, carrierId }: StatusRecord): Promise<string> {
  if (outboundId !== null && attempt !== null) {
    const named = { _id: keepable(outboundId), "tries.attempt": attempt };
    if ((await set.find("messages", named, { projection: { _id: 1 } })).length > 0) return outboundId;
  }
  const [key] = await set.find("keys", { _id: carrierKey(keepable(carrierId)) });
  return key === undefined || key.erased === true ? "" : text(key, "outboundId");
}

/** See {@link Storage.resolve}. */
export const RESOLVE: Method<Resolution, RecordedFact> = {
  name: "resolve",
  line: "outside",
  judge: judgeResolution,
  async lock(set, { outboundId }) {
    await lockConversationOf(set, keepable(outboundId));
  },
  load: (set, { outboundId }) => loadForFact(set, outboundId, false),
  changedNothing: isUnmatched,
};

function isUnmatched({ outcome }: RecordedFact): boolean {
  return outcome === "unmatched";
}

/** A message with its group and what may move after it; for an opt-out, all that it stops. */
async function loadForFact(set: WorkingSet, outboundId: string, isOptOut: boolean): Promise<void> {
  const row = await loadOutbound(set, outboundId);
  if (row === null) return;
  const { conversation } = row;
  if (isOptOut) {
    await lockConsent(set, conversation.consentKey);
    await loadOpenTurn(set, conversation);
    await loadOptOut(set, conversation.consentKey);
  }
  await loadHead(set, conversation);
}
