import type { Plan, Slice } from "../database.ts";
import type {
  Heartbeat,
  InboundRecord,
  OutboundRecord,
  PauseChange,
  Resolution,
  SendClaim,
  SendRecord,
  StatusRecord,
  Suspicion,
  SweepClaim,
  SweepCommit,
  TurnClaim,
  TurnCommit,
  TurnRelease,
  TurnRequeue,
} from "../storage.ts";

/*
 * Which rows each call looks at.
 */

/** Of the conversations that are due, how many a claim of one turn looks at: another worker may take the first ones. */
const CLAIM_CANDIDATES = 4;

/** How many conversations one heartbeat reclaims from expired workers; the next heartbeat goes on. */
const RECLAIM_LIMIT = 100;

/** What an opt-out needs to stop everything. */
const STOPPING: readonly Slice[] = ["stoppable", "open-turn"];

/** The same for a refused send or a status callback, which names no consent. */
const STOPPING_ROOT: readonly Slice[] = ["consent", ...STOPPING];

export function inboundPlan(record: InboundRecord, call: string): Plan {
  const { line, participant, consentKey, key, consent, autoReply } = record;
  return {
    call,
    root: { by: "address", line, participant },
    slices: ["recorded", ...(consent?.state === "opted-out" ? STOPPING : [])],
    consents: [consentKey],
    keys: [{ kind: "inbound", key }],
    counters: autoReply?.conditions.counters.map((counter) => counter.key) ?? [],
  };
}

export function outboundPlan({ line, participant, consentKey, key }: OutboundRecord, call: string): Plan {
  return {
    call,
    root: { by: "address", line, participant },
    slices: ["recorded", "queue"],
    consents: [consentKey],
    keys: [{ kind: "outbound", key }],
  };
}

export function turnClaimPlan(_: TurnClaim, call: string): Plan {
  return {
    call,
    root: { by: "due", limit: CLAIM_CANDIDATES },
    slices: ["unanswered", "open-turn", "turns-of-first"],
  };
}

export function turnCommitPlan({ conversationId }: TurnCommit, call: string): Plan {
  return { call, root: { by: "conversation", id: conversationId }, slices: ["open-turn", "queue"] };
}

export function turnReleasePlan({ conversationId }: TurnRelease, call: string): Plan {
  return { call, root: { by: "conversation", id: conversationId }, slices: ["open-turn"] };
}

export function heartbeatPlan({ workerId }: Heartbeat, call: string): Plan {
  return {
    call,
    root: { by: "workers", workerId, limit: RECLAIM_LIMIT },
    slices: ["open-turn", "attempts", "group", "queue"],
  };
}

export function sendClaimPlan({ outboundId, conditions }: SendClaim, call: string): Plan {
  return {
    call,
    root: { by: "message", id: outboundId },
    slices: ["group", "turn", "queue", "consent"],
    counters: conditions.counters.map(({ key }) => key),
    rateLimits: conditions.pace === null ? [] : [conditions.pace.key],
  };
}

export function sendRecordPlan({ outboundId, result }: SendRecord, call: string): Plan {
  const isOptOut = result.kind === "refused" && result.next === "opt-out";
  const namesId = result.kind === "accepted" || result.kind === "found";
  return {
    call,
    root: { by: "message", id: outboundId },
    slices: ["attempts", "group", "queue", ...(isOptOut ? STOPPING_ROOT : [])],
    keys: namesId ? [{ kind: "provider", key: result.carrierId }] : [],
    rateLimits: result.kind === "refused" && result.slow !== undefined ? [result.slow.key] : [],
  };
}

export function statusPlan({ outboundId, attempt, carrierId, optOut }: StatusRecord, call: string): Plan {
  return {
    call,
    root: { by: "attempt", outboundId, attempt, providerMessageId: carrierId },
    slices: ["attempts", "group", "queue", ...(optOut ? STOPPING_ROOT : [])],
    keys: [{ kind: "provider", key: carrierId }],
  };
}

export function resolutionPlan({ outboundId }: Resolution, call: string): Plan {
  return { call, root: { by: "message", id: outboundId }, slices: ["attempts", "group", "queue"] };
}

export function requeuePlan({ turnId }: TurnRequeue, call: string): Plan {
  return { call, root: { by: "turn", id: turnId }, slices: ["answered-first", "newest-turn", "consent"] };
}

export function markUnknownPlan({ limit }: Suspicion, call: string): Plan {
  return { call, root: { by: "unsent", limit }, slices: ["attempts", "group", "queue"] };
}

export function pausePlan({ conversationId }: PauseChange, call: string): Plan {
  return { call, root: { by: "conversation", id: conversationId }, slices: ["open-turn"] };
}

export function sweepPlan({ sender }: SweepClaim | SweepCommit, call: string): Plan {
  return { call, root: { by: "nothing" }, slices: [], sweeps: [sender] };
}
