import type { SendResultRecord, Storage } from "../../storage/storage.ts";
import type { FactBody } from "./facts.ts";
import { type World, witness } from "./world.ts";

/** The ledger, with everything written down that the judge needs, at the moment of its commit. */
export function witnessed(world: World, storage: Storage): Storage {
  /** A repeated operation is no second deed. */
  const ops = new Set<string>();
  const isFirst = (method: string, op: string): boolean => {
    const key = `${method} ${op}`;
    return !ops.has(key) && ops.add(key).has(key);
  };
  const seen: Partial<Storage> = {
    async recordInbound(record) {
      const recorded = await storage.recordInbound(record);
      const { message, conversation, autoReply } = recorded;
      if (recorded.outcome === "recorded" && message !== null && conversation !== null) {
        witness(world, {
          kind: "text",
          key: record.key,
          messageId: message.id,
          seq: message.seq,
          body: message.body,
          conversationId: conversation.id,
          consentKey: record.consentKey,
          needsAnswer: message.needsAnswer,
          consent: record.consent?.state ?? null,
          unlessSinceMs: record.consent?.unlessSince ?? null,
          autoReplyId: autoReply?.id ?? null,
        });
      }
      return recorded;
    },
    async recordOutbound(record) {
      const recorded = await storage.recordOutbound(record);
      if (recorded.outcome === "recorded" && recorded.conversation !== null) {
        const ids = recorded.messages.map(({ id }) => id);
        const { consentKey } = record;
        witness(world, { kind: "queued", ids, conversationId: recorded.conversation.id, consentKey });
      }
      return recorded;
    },
    async claimTurn(claim) {
      const claimed = await storage.claimTurn(claim);
      if (claimed !== null && isFirst("claimTurn", claim.op)) {
        witness(world, {
          kind: "turn-claimed",
          workerId: claim.workerId,
          conversationId: claimed.conversation.id,
          turnId: claimed.turn.id,
          fence: claimed.fence,
          throughSeq: claimed.turn.throughSeq,
          superseded: claimed.turn.superseded,
        });
      }
      return claimed;
    },
    async commitTurn(commit) {
      const committed = await storage.commitTurn(commit);
      if (committed.outcome === "committed" && isFirst("commitTurn", commit.op)) {
        const { workerId, conversationId, turnId, fence, throughSeq, outcome, pause } = commit;
        const ids = committed.messages.map(({ id }) => id);
        const lease = { workerId, conversationId, turnId, fence, throughSeq };
        witness(world, { kind: "turn-committed", ...lease, outcome, paused: pause, ids });
      }
      return committed;
    },
    async claimSend(claim) {
      const claimed = await storage.claimSend(claim);
      if (claimed.outcome === "claimed" && isFirst("claimSend", claim.op)) {
        const { outboundId } = claim;
        witness(world, { kind: "send-claimed", outboundId, attempt: claimed.attempt, overtook: claimed.overtook });
      }
      return claimed;
    },
    async recordSend(record) {
      const recorded = await storage.recordSend(record);
      const { outboundId, attempt, result } = record;
      // The list's word counts only where the ledger takes it; that it shows nothing says nothing.
      const counts = result.kind === "found" ? recorded.outcome === "recorded" : result.kind !== "unseen";
      if (counts && isFirst("recordSend", record.op)) {
        const carrierId = result.kind === "accepted" || result.kind === "found" ? result.carrierId : null;
        witness(world, { kind: "answer-recorded", outboundId, attempt, answer: answerOf(result), carrierId });
      }
      return recorded;
    },
    async recordStatus(record) {
      const recorded = await storage.recordStatus(record);
      const { outboundId, attempt, carrierId, status, optOut } = record;
      const isKnown = recorded.outcome !== "unmatched" && outboundId !== null && attempt !== null;
      if (isKnown && isFirst("recordStatus", record.op)) {
        witness(world, { kind: "report-recorded", outboundId, attempt, carrierId, status, optOut });
      }
      return recorded;
    },
    async resolve(resolution) {
      const resolved = await storage.resolve(resolution);
      const { outboundId, decision } = resolution;
      if (resolved.changed && isFirst("resolve", resolution.op))
        witness(world, { kind: "resolved", outboundId, decision });
      return resolved;
    },
    async setPaused(change) {
      const changed = await storage.setPaused(change);
      const { conversationId, paused, skipPending } = change;
      if (changed !== null && isFirst("setPaused", change.op))
        witness(world, { kind: "paused", conversationId, paused, skipPending });
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

function answerOf(result: SendResultRecord): (FactBody & { kind: "answer-recorded" })["answer"] {
  return result.kind === "refused" ? result.next : result.kind;
}
