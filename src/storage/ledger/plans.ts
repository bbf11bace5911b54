import { participantKeyOf } from "../../model/person-address.ts";
import type { Plan, Root, Slice } from "../database.ts";
import type {
  ConsentKeys,
  Heartbeat,
  InboundRecord,
  OutboundRecord,
  PauseChange,
  Resolution,
  SendClaim,
  SendRecord,
  StatusRecord,
  SweepClaim,
  SweepCommit,
  TurnClaim,
  TurnCommit,
  TurnRelease,
  TurnRequeue,
  UnknownMark,
} from "../storage.ts";
import { askedKeys, keysIn, onlyKey } from "./rules/consent.ts";

/*
 * The plans of all calls: which rows each call reads.
 */

/**
 * How many candidates a claim loads for each conversation that it wants, because another worker may take the first
 * ones.
 */
const CANDIDATES_EACH = 4;

/** How many conversations one heartbeat reclaims from expired workers; the next heartbeat reclaims more. */
const RECLAIM_LIMIT = 100;

/** The slices that an opt-out needs to stop turns and messages. */
const STOPPING: readonly Slice[] = ["stoppable", "open-turn"];

/** The consents that a call reads: those under its keys, or the consent that the root's conversation is filed under. */
function asking(keys: ConsentKeys | undefined): Pick<Plan, "slices" | "consents"> {
  return keys === undefined ? { slices: ["consent"] } : { slices: [], consents: askedKeys(keys) };
}

/** The consents and slices that a call needs if the provider's refusal opts the person out. */
function stopping(isOptOut: boolean, keys: ConsentKeys | undefined): Pick<Plan, "slices" | "consents"> {
  if (!isOptOut) return { slices: [] };
  return keys === undefined ? { slices: ["consent", ...STOPPING] } : { slices: STOPPING, consents: keysIn(keys) };
}

function addressOf({ line, participant }: InboundRecord | OutboundRecord): Root {
  return { by: "address", line, participantKey: participantKeyOf(participant) };
}

export function inboundPlan(record: InboundRecord, call: string): Plan {
  const { key, consent, autoReply } = record;
  const consents = record.consents ?? onlyKey(record.consentKey);
  return {
    call,
    root: addressOf(record),
    slices: ["recorded", ...(consent?.state === "opted-out" ? STOPPING : [])],
    consents: consent === null ? askedKeys(consents) : keysIn(consents),
    keys: [{ kind: "inbound", key }],
    counters: autoReply?.conditions.counters.map((counter) => counter.key) ?? [],
  };
}

export function outboundPlan(record: OutboundRecord, call: string): Plan {
  const { key } = record;
  return {
    call,
    root: addressOf(record),
    slices: ["recorded", "queue"],
    consents: askedKeys(record.consents ?? onlyKey(record.consentKey)),
    keys: [{ kind: "outbound", key }],
  };
}

export function turnClaimPlan({ scope, workerId, limit, historyLimit = 0 }: TurnClaim, call: string): Plan {
  return {
    call,
    root: { by: "due", scope, workerId, wanted: limit, limit: limit * CANDIDATES_EACH, historyLimit },
    slices: ["unanswered", "open-turn", "turns-of-first", ...(historyLimit > 0 ? (["history"] as const) : [])],
  };
}

export function turnCommitPlan({ conversationId }: TurnCommit, call: string): Plan {
  return { call, root: { by: "conversation", id: conversationId }, slices: ["open-turn", "queue"] };
}

export function turnReleasePlan({ conversationId }: TurnRelease, call: string): Plan {
  return { call, root: { by: "conversation", id: conversationId }, slices: ["open-turn"] };
}

export function heartbeatPlan({ scope, workerId }: Heartbeat, call: string): Plan {
  return {
    call,
    root: { by: "workers", scope, workerId, limit: RECLAIM_LIMIT },
    slices: ["open-turn", "attempts", "group", "queue"],
  };
}

export function sendClaimPlan({ outboundId, conditions, consents }: SendClaim, call: string): Plan {
  const asked = asking(consents);
  return {
    ...asked,
    call,
    root: { by: "message", id: outboundId },
    slices: ["group", "turn", "queue", ...asked.slices],
    counters: conditions.counters.map(({ key }) => key),
    rateLimits: conditions.rateLimit === null ? [] : [conditions.rateLimit.key],
  };
}

export function sendRecordPlan({ outboundId, result, consents }: SendRecord, call: string): Plan {
  const isOptOut = result.kind === "refused" && result.next === "opt-out";
  const namesId = result.kind === "accepted" || result.kind === "found";
  const stopped = stopping(isOptOut, consents);
  return {
    ...stopped,
    call,
    root: { by: "message", id: outboundId },
    slices: ["attempts", "group", "queue", ...stopped.slices],
    keys: namesId ? [{ kind: "provider", key: result.providerMessageId }] : [],
    rateLimits: result.kind === "refused" && result.backOff !== undefined ? [result.backOff.key] : [],
  };
}

export function statusPlan(record: StatusRecord, call: string): Plan {
  const { outboundId, attempt, providerMessageId, optOut, consents } = record;
  const stopped = stopping(optOut, consents);
  return {
    ...stopped,
    call,
    root: { by: "attempt", outboundId, attempt, providerMessageId: providerMessageId },
    slices: ["attempts", "group", "queue", ...stopped.slices],
    keys: [{ kind: "provider", key: providerMessageId }],
  };
}

export function resolutionPlan({ outboundId }: Resolution, call: string): Plan {
  return { call, root: { by: "message", id: outboundId }, slices: ["attempts", "group", "queue"] };
}

export function requeuePlan({ turnId, consents }: TurnRequeue, call: string): Plan {
  const asked = asking(consents);
  const slices: readonly Slice[] = ["answered-first", "newest-turn", ...asked.slices];
  return { ...asked, call, root: { by: "turn", id: turnId }, slices };
}

export function markUnknownPlan({ scope, limit }: UnknownMark, call: string): Plan {
  return { call, root: { by: "unsent", scope, limit }, slices: ["attempts", "group", "queue"] };
}

export function pausePlan({ conversationId }: PauseChange, call: string): Plan {
  return { call, root: { by: "conversation", id: conversationId }, slices: ["open-turn"] };
}

export function sweepPlan({ sender }: SweepClaim | SweepCommit, call: string): Plan {
  return { call, root: { by: "nothing" }, slices: [], sweeps: [sender] };
}

/** A plan that chooses among candidates. */
export interface Choosing extends Plan {
  readonly root: Extract<Root, { readonly by: "due" | "workers" | "unsent" }>;
}

/** Whether a call chooses among candidates. Such a call skips candidates that cannot be read. */
export function choosesAmong(plan: Plan): plan is Choosing {
  const { by } = plan.root;
  return by === "due" || by === "workers" || by === "unsent";
}

/** A heartbeat also deletes old rows, so that the tables stay small in a service that never calls `purge()`. */
export function isHeartbeat({ root }: Plan): boolean {
  return root.by === "workers";
}

/** Whether a webhook or the application makes the call. The worker makes all others. */
export function comesFromOutside({ root: { by } }: Plan): boolean {
  return by === "address" || by === "attempt";
}
