import type { Consent, ConsentChange } from "../../storage.ts";
import type { Conversation, Outbound, WorkingSet } from "../working-set.ts";
import { endOpenTurn, revokeLease, settleUnanswered } from "./leases.ts";
import { changeStatus, isStoppable, refreshDue } from "./order.ts";

export function isOptedOut(set: WorkingSet, consentKey: string): boolean {
  return set.consents.get(consentKey)?.state === "opted-out";
}

/** A change of consent that is found late does not undo the person's later word: `null` then. */
export function consentThatCounts(
  set: WorkingSet,
  consentKey: string,
  change: ConsentChange | null,
): Pick<Consent, "state" | "source"> | null {
  if (change === null) return null;
  const { state, source, unlessSince } = change;
  const filed = set.consents.get(consentKey);
  const isOutlived = filed?.state === "opted-in" && unlessSince !== undefined && filed.changedAt > unlessSince;
  return isOutlived ? null : { state, source };
}

/** Writes a consent; a repeated opt-out leaves it as it is. Returns whether its state is another than before. */
export function setConsent(
  set: WorkingSet,
  key: string,
  { state, source }: Pick<Consent, "state" | "source">,
): boolean {
  const filed = set.consents.get(key);
  if (filed === undefined) {
    set.consents.add({ key, state, source, changedAt: set.now, version: 0 });
    return true;
  }
  if (filed.state === "opted-out" && state === "opted-out") return false;
  const isAnother = filed.state !== state;
  filed.state = state;
  filed.source = source;
  filed.changedAt = set.now;
  return isAnother;
}

/** What an opt-out stops: everything of the conversation up to a position, and all messages to the person. */
export function stopForOptOut(set: WorkingSet, conversation: Conversation, answeredSeq: number): Outbound[] {
  set.needs("stoppable");
  revokeLease(conversation);
  endOpenTurn(set, conversation);
  settleUnanswered(conversation, answeredSeq);
  const stopped: Outbound[] = [];
  for (const { id, consentKey } of set.conversations.rows.values()) {
    if (consentKey !== conversation.consentKey) continue;
    for (const row of set.outboundOf(id).filter(isStoppable)) {
      changeStatus(set, row, "cancelled", { code: null, reason: "The person opted out." });
      stopped.push(row);
    }
    refreshDue(set, id);
  }
  return stopped;
}
