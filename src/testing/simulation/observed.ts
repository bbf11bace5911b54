import type { SendResultRecord, Storage } from "../../storage/storage.ts";
import type { ObservationBody } from "./observations.ts";
import { observe, type World } from "./world.ts";

/** A ledger that writes down what the judge needs, at the moment of each commit. */
export function observed(world: World, storage: Storage): Storage {
  /** A repeated call is not counted twice. */
  const callIds = new Set<string>();
  const isFirst = (method: string, callId: string | undefined): boolean => {
    if (callId === undefined) return true;
    const key = `${method} ${callId}`;
    return !callIds.has(key) && callIds.add(key).has(key);
  };
  const seen: Partial<Storage> = {
    async recordInbound(record) {
      const recorded = await storage.recordInbound(record);
      const { message, conversation, autoReply } = recorded;
      world.missing.delete(record.key);
      const isNew = recorded.outcome === "recorded" && isFirst("recordInbound", record.callId);
      if (isNew && message !== null && conversation !== null) {
        observe(world, {
          kind: "text",
          key: record.key,
          messageId: message.id,
          seq: message.seq,
          body: message.body,
          conversationId: conversation.id,
          consentKey: record.consentKey,
          participant: record.participant,
          needsAnswer: message.needsAnswer,
          sweptSinceMs: record.occurredAt,
          consent: record.consent?.state ?? null,
          unlessSinceMs: record.consent?.unlessSince ?? null,
          autoReplyId: autoReply?.id ?? null,
          confirmationId: recorded.confirmation?.id ?? null,
        });
      }
      return recorded;
    },
    async recordOutbound(record) {
      const recorded = await storage.recordOutbound(record);
      const isNew = recorded.outcome === "recorded" && isFirst("recordOutbound", record.callId);
      if (isNew && recorded.conversation !== null) {
        const ids = recorded.messages.map(({ id }) => id);
        const { key, consentKey, participant } = record;
        const conversationId = recorded.conversation.id;
        observe(world, { kind: "queued", key, ids, conversationId, consentKey, participant });
      }
      return recorded;
    },
    async claimTurns(claim) {
      const turns = await storage.claimTurns(claim);
      if (turns.length === 0 || !isFirst("claimTurns", claim.callId)) return turns;
      for (const claimed of turns) {
        observe(world, {
          kind: "turn-claimed",
          workerId: claim.workerId,
          conversationId: claimed.conversation.id,
          turnId: claimed.turn.id,
          fence: claimed.fence,
          throughSeq: claimed.turn.throughSeq,
          superseded: claimed.turn.superseded,
        });
      }
      return turns;
    },
    async commitTurn(commit) {
      const committed = await storage.commitTurn(commit);
      if (committed.outcome === "committed" && isFirst("commitTurn", commit.callId)) {
        const { workerId, conversationId, turnId, fence, throughSeq, outcome, pause } = commit;
        const ids = committed.messages.map(({ id }) => id);
        const lease = { workerId, conversationId, turnId, fence, throughSeq };
        observe(world, { kind: "turn-committed", ...lease, outcome, paused: pause, ids });
      }
      return committed;
    },
    async claimSend(claim) {
      const claimed = await storage.claimSend(claim);
      const { outboundId } = claim;
      const { rateLimit } = claim.conditions;
      if (claimed.outcome === "claimed" && isFirst("claimSend", claim.callId)) {
        const { attempt, overtook } = claimed;
        observe(world, { kind: "send-claimed", outboundId, attempt, overtook, rateLimit });
      }
      if (claimed.outcome === "waiting" && claimed.reason === rateLimit?.reason && isFirst("claimSend", claim.callId)) {
        const reservedMs = world.timeline.now + (claimed.retryInMs ?? 0);
        observe(world, { kind: "reservation-given", outboundId, rateLimit, reservedMs });
      }
      return claimed;
    },
    async recordSend(record) {
      const recorded = await storage.recordSend(record);
      const { outboundId, attempt, result } = record;
      if (recorded.outcome === "unmatched") return recorded;
      // The list's entry counts only if the ledger accepts it. An empty list is not evidence.
      const counts = result.kind === "found" ? recorded.outcome === "recorded" : result.kind !== "unseen";
      if (counts && isFirst("recordSend", record.callId)) {
        const providerMessageId =
          result.kind === "accepted" || result.kind === "found" ? result.providerMessageId : null;
        const temporary = result.kind === "found" && (result.retry ?? null) !== null;
        observe(world, {
          kind: "answer-recorded",
          outboundId,
          attempt,
          answer: answerOf(result),
          providerMessageId,
          temporary,
        });
        const backOff = result.kind === "refused" ? result.backOff : undefined;
        if (backOff !== undefined)
          observe(world, { kind: "backed-off", rateLimitKey: backOff.key, forMs: backOff.forMs });
      }
      return recorded;
    },
    async recordStatus(record) {
      const recorded = await storage.recordStatus(record);
      const { outboundId, attempt, providerMessageId, status, optOut, retry = null } = record;
      const isKnown = recorded.outcome !== "unmatched" && outboundId !== null && attempt !== null;
      if (isKnown && isFirst("recordStatus", record.callId)) {
        observe(world, {
          kind: "status-recorded",
          outboundId,
          attempt,
          providerMessageId,
          status,
          optOut,
          temporary: retry !== null,
        });
      }
      return recorded;
    },
    async resolve(resolution) {
      const resolved = await storage.resolve(resolution);
      const { outboundId, decision, attempts } = resolution;
      if (resolved.changed && isFirst("resolve", resolution.callId))
        observe(world, { kind: "resolved", outboundId, decision, byPerson: attempts === null });
      return resolved;
    },
    async requeueTurn(requeue) {
      const requeued = await storage.requeueTurn(requeue);
      const { outcome, conversation } = requeued;
      if (outcome === "requeued" && conversation !== null && isFirst("requeueTurn", requeue.callId))
        observe(world, { kind: "requeued", turnId: requeue.turnId, conversationId: conversation.id });
      return requeued;
    },
    async markUnknown(order) {
      const marked = await storage.markUnknown(order);
      // A call that changed nothing may be decided again.
      if (marked.length === 0 || !isFirst("markUnknown", order.callId)) return marked;
      for (const { id, attempts } of marked)
        observe(world, { kind: "marked-unknown", outboundId: id, attempt: attempts });
      return marked;
    },
    async erase(order) {
      const erased = await storage.erase(order);
      if (isFirst("erase", order.callId)) observe(world, { kind: "erased", participant: order.participant });
      return erased;
    },
    async commitSweep(commit) {
      const committed = await storage.commitSweep(commit);
      const { sender, watermark } = commit;
      if (committed && isFirst("commitSweep", commit.callId)) {
        if (!world.sweptFromMs.has(sender)) world.sweptFromMs.set(sender, watermark);
        observe(world, { kind: "swept", sender, watermarkMs: watermark });
      }
      return committed;
    },
    async setPaused(change) {
      const changed = await storage.setPaused(change);
      const { conversationId, paused, skipUnanswered } = change;
      if (changed !== null && isFirst("setPaused", change.callId))
        observe(world, { kind: "paused", conversationId, paused, skipUnanswered });
      return changed;
    },
  };
  return new Proxy(storage, {
    get(target, name) {
      const own: unknown = Reflect.get(seen, name);
      if (own !== undefined) return own;
      const method: unknown = Reflect.get(target, name);
      return typeof method === "function" ? method.bind(target) : method;
    },
  });
}

function answerOf(result: SendResultRecord): (ObservationBody & { kind: "answer-recorded" })["answer"] {
  return result.kind === "refused" ? result.next : result.kind;
}
