import { withoutChannel } from "../../../model/phone-number.ts";
import type { Consent, ConsentChange, ConsentKeys } from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import type { Conversation, WorkingSet } from "../working-set.ts";
import { endOpenTurn, revokeLease, settleUnanswered } from "./leases.ts";
import { changeStatus, isStoppable, refreshDue } from "./order.ts";

/** The keys of a call that names a single key. */
export function onlyKey(key: string): ConsentKeys {
  return { own: [key], services: [], siblings: [], person: key, asksPerson: false, stops: null };
}

/** The key that a conversation is filed under, for a call that names no keys. */
export function filedKey(set: WorkingSet, { consentKey }: Conversation): string {
  set.needs("consent");
  return consentKey;
}

/**
 * The keys that a call reads if it changes no consent. They exclude `siblings`, because a service may have hundreds of
 * other numbers.
 */
export function askedKeys({ own, person }: ConsentKeys): readonly string[] {
  return [...new Set([...own, person])];
}

/** All keys that a change of consent reads or writes. */
export function keysIn({ own, siblings, person }: ConsentKeys): readonly string[] {
  return [...new Set([...own, ...siblings, person])];
}

/** Whether the person has opted out under one of the asked keys. */
export function isOptedOut(set: WorkingSet, keys: ConsentKeys): boolean {
  return askedIn(keys).some((key) => isOut(set, keys, key));
}

function askedIn({ own, person, asksPerson }: ConsentKeys): readonly string[] {
  return asksPerson ? [...own, person] : own;
}

/**
 * Whether a key is opted out. A START to a service lifts the STOPs that came through the service, at all its numbers.
 */
function isOut(set: WorkingSet, { services }: ConsentKeys, key: string): boolean {
  const filed = set.consents.get(key);
  if (filed?.state !== "opted-out") return false;
  if (filed.service === null || !services.includes(filed.service)) return true;
  return set.consents.get(filed.service)?.state !== "opted-in";
}

function stateOf(set: WorkingSet, keys: ConsentKeys): Consent["state"] | null {
  if (isOptedOut(set, keys)) return "opted-out";
  return askedIn(keys).some((key) => set.consents.get(key) !== undefined) ? "opted-in" : null;
}

/**
 * Whether the person opted in at the number or the service after a moment. Then an opt-out from before that moment does
 * not count.
 */
export function hasOptedInSince(set: WorkingSet, { own }: ConsentKeys, moment: number): boolean {
  return own.some((key) => isInSince(set, key, moment));
}

/** A START written by a clock that was ahead has no known time, so it undoes no STOP. */
function isInSince(set: WorkingSet, key: string, moment: number): boolean {
  const filed = set.consents.get(key);
  if (filed?.state !== "opted-in" || filed.changedAt <= moment) return false;
  return !set.ahead.noteIfAhead("consent", filed.changedAt);
}

/**
 * The change if it counts, otherwise `null`. An opt-out that was found late does not count if the person opted in
 * later. An opt-in with `whereBlocked` does not count unless the provider blocks the person.
 */
export function consentThatCounts(
  set: WorkingSet,
  keys: ConsentKeys,
  change: ConsentChange | null,
): ConsentChange | null {
  if (change?.whereBlocked === true && !isBlockedOnly(set, keys)) return null;
  if (change?.unlessSince === undefined) return change;
  return hasOptedInSince(set, keys, change.unlessSince) ? null : change;
}

/**
 * Whether the person has opted out at the number or its service, and the provider itself blocks every key that is opted
 * out.
 */
function isBlockedOnly(set: WorkingSet, keys: ConsentKeys): boolean {
  const out = keys.own.filter((key) => isOut(set, keys, key));
  return out.length > 0 && out.every((key) => set.consents.get(key)?.providerBlocks === true);
}

/** Records a change of consent under each of its keys. Returns whether the person's state changed. */
export function fileConsent(set: WorkingSet, keys: ConsentKeys, change: ConsentChange): boolean {
  const before = stateOf(set, keys);
  if (change.state === "opted-out") fileOptOut(set, keys, change);
  else fileOptIn(set, keys, change);
  return stateOf(set, keys) !== before;
}

/**
 * A repeated opt-out leaves `source` and `changedAt` of its row unchanged. If it comes through another service or at
 * the number itself, no START to a service lifts it any more. If the provider blocks the person from now on, the row
 * records that too.
 */
function fileOptOut(set: WorkingSet, keys: ConsentKeys, change: ConsentChange): void {
  const { state, source, unlessSince, providerBlocks = false } = change;
  const { services, person } = keys;
  for (const key of keysIn(keys)) {
    const isOfAll = key === person && !keys.own.includes(key);
    if (isOfAll && unlessSince !== undefined && isInSince(set, key, unlessSince)) continue;
    const service = isOfAll || services.includes(key) ? null : (services[0] ?? null);
    const filed = set.consents.get(key);
    if (filed === undefined) {
      set.consents.add({ key, state, source, service, providerBlocks, changedAt: set.now, version: 0 });
    } else if (filed.state !== "opted-out") {
      Object.assign(filed, { state, source, service, providerBlocks, changedAt: set.now });
    } else {
      if (filed.service !== service) filed.service = null;
      filed.providerBlocks ||= providerBlocks;
    }
  }
}

/** Opts in. At the other numbers of the service, this lifts only opt-outs that came through the service. */
function fileOptIn(set: WorkingSet, keys: ConsentKeys, { state, source }: ConsentChange): void {
  const { own, services, siblings, person } = keys;
  const lifted = siblings.filter((key) => services.includes(set.consents.get(key)?.service ?? ""));
  for (const key of new Set([...own, ...lifted, person])) {
    const filed = set.consents.get(key);
    const row = { state, source, service: null, providerBlocks: false, changedAt: set.now };
    if (filed === undefined) set.consents.add({ key, ...row, version: 0 });
    else Object.assign(filed, row);
  }
}

/**
 * Carries out an opt-out. Ends the conversation's open turn, and counts its messages up to a position as answered.
 * Cancels all waiting messages to the person from the senders in `stops`, and returns them.
 */
export function stopForOptOut(
  set: WorkingSet,
  conversation: Conversation,
  answeredSeq: number,
  keys: ConsentKeys,
): Outbound[] {
  set.needs("stoppable");
  revokeLease(conversation);
  endOpenTurn(set, conversation);
  settleUnanswered(conversation, answeredSeq);
  const stopped: Outbound[] = [];
  for (const { id, line, consentKey } of set.conversations.rows.values()) {
    if (consentKey !== keys.person && id !== conversation.id) continue;
    const isWhole = id === conversation.id || isStopped(keys, line);
    // The confirmation of an earlier opt-out is not cancelled, because the person must get it.
    const waiting = set.outboundOf(id).filter((row) => isStoppable(row) && row.origin !== "system");
    const rows = isWhole ? waiting : waiting.filter(({ sender }) => isStopped(keys, sender));
    if (rows.length === 0) continue;
    for (const row of rows) changeStatus(set, row, "cancelled", { code: null, reason: "The person opted out." });
    stopped.push(...rows);
    // Messages from other senders stay. Their due time may now be too early; the send admission still checks all
    // earlier messages.
    refreshDue(set, id);
  }
  return stopped;
}

function isStopped({ stops }: ConsentKeys, address: string): boolean {
  return stops === null || stops.includes(withoutChannel(address));
}
