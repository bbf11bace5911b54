import type { ClaimedTurn, Storage } from "../../../storage/storage.ts";
import { present } from "./assert.ts";
import { claimOne, type Scene } from "./scene.ts";
import { FREE, LEASE_MS, LINE, PERSON, SCOPE, UNKNOWN_WINDOW_MS } from "./terms.ts";

/** A call with a fixed call id, for any handle. */
type Call = (storage: Storage) => Promise<unknown>;

export interface Operation {
  readonly name: string;
  /** Prepares the ledger so that the call changes something, and returns the call. */
  prepare(scene: Scene): Promise<Call>;
}

/** Every method that takes a call id. */
export const OPERATIONS: readonly Operation[] = [
  {
    name: "claimTurns",
    async prepare(s) {
      await s.texted();
      await s.texted({ participant: "+15550199002" });
      await s.advance(60_000);
      const claim = { scope: SCOPE, callId: s.id("call"), workerId: "w1", leaseMs: LEASE_MS };
      return (storage) => claimOne(storage, claim);
    },
  },
  {
    name: "commitTurn",
    async prepare(s) {
      await s.texted();
      const claimed = await s.claimed();
      const commit = s.commitOf(claimed, { parts: s.parts(3, claimed.turn.id) });
      return (storage) => storage.commitTurn(commit);
    },
  },
  {
    name: "commitTurn that gives way",
    async prepare(s) {
      await s.texted();
      const commit = s.commitOf(await s.claimed(), { supersede: true });
      await s.texted();
      return (storage) => storage.commitTurn(commit);
    },
  },
  {
    name: "releaseTurn",
    async prepare(s) {
      await s.texted();
      const release = s.releaseOf(await s.claimed());
      return (storage) => storage.releaseTurn(release);
    },
  },
  {
    name: "heartbeat",
    async prepare(s) {
      await s.texted();
      await s.claimed("expired");
      await s.sending(await s.waiting(), { workerId: "expired" });
      await s.advance(LEASE_MS + 1);
      const heartbeat = {
        scope: SCOPE,
        callId: s.id("call"),
        workerId: "w1",
        leaseMs: LEASE_MS,
        lookInMs: UNKNOWN_WINDOW_MS,
      };
      return (storage) => storage.heartbeat(heartbeat);
    },
  },
  {
    name: "claimSend",
    async prepare(s) {
      const counter = { key: "k", windowMs: 60_000, max: 1, charge: 1, full: "cancel", reason: "Enough." } as const;
      const claim = s.sendClaim(await s.waiting(), { conditions: { ...FREE, counters: [counter] } });
      return (storage) => storage.claimSend(claim);
    },
  },
  {
    name: "claimSend that cancels",
    async prepare(s) {
      const [first] = await s.waitingMessages(3);
      const claim = s.sendClaim(present(first, "the first part").id, { conditions: { ...FREE, cancel: "No." } });
      return (storage) => storage.claimSend(claim);
    },
  },
  {
    name: "claimSend that waits",
    async prepare(s) {
      const claim = s.sendClaim(await s.waiting(), { conditions: { ...FREE, delayMs: 30_000 } });
      return (storage) => storage.claimSend(claim);
    },
  },
  {
    name: "claimSend that takes a reservation",
    async prepare(s) {
      const rateLimit = { key: "sender", costMs: 60_000, reason: "The sender is busy." };
      const conditions = { ...FREE, rateLimit };
      await s.sending(await s.waiting({ participant: "+15550199002" }), { conditions });
      const claim = s.sendClaim(await s.waiting(), { conditions });
      return (storage) => storage.claimSend(claim);
    },
  },
  {
    name: "recordSend of an acceptance",
    async prepare(s) {
      const outboundId = await s.waiting();
      await s.sending(outboundId);
      const result = { kind: "accepted", providerMessageId: "SM1", status: "accepted" } as const;
      const record = { callId: s.id("call"), outboundId, attempt: 1, result };
      return (storage) => storage.recordSend(record);
    },
  },
  {
    name: "recordSend of a refusal",
    async prepare(s) {
      const [first] = await s.waitingMessages(3);
      const outboundId = present(first, "the first part").id;
      await s.sending(outboundId);
      const error = { code: 21610, reason: "The person opted out." };
      const result = { kind: "refused", next: "opt-out", retryInMs: 0, error } as const;
      const record = { callId: s.id("call"), outboundId, attempt: 1, result };
      return (storage) => storage.recordSend(record);
    },
  },
  {
    name: "recordSend of silence",
    async prepare(s) {
      const outboundId = await s.waiting();
      await s.sending(outboundId);
      const result = {
        kind: "unknown",
        lookInMs: UNKNOWN_WINDOW_MS,
        error: { code: null, reason: "Silence." },
      } as const;
      const record = { callId: s.id("call"), outboundId, attempt: 1, result };
      return (storage) => storage.recordSend(record);
    },
  },
  {
    name: "recordSend of a refusal that slows the sender down",
    async prepare(s) {
      const outboundId = await s.waiting();
      await s.sending(outboundId);
      const backOff = { key: "sender", forMs: 60_000 };
      const error = { code: 20429, reason: "Too many requests." };
      const result = { kind: "refused", next: "retry", retryInMs: 60_000, error, backOff } as const;
      const record = { callId: s.id("call"), outboundId, attempt: 1, result };
      return (storage) => storage.recordSend(record);
    },
  },
  {
    name: "recordSend of what was found",
    async prepare(s) {
      const outboundId = await s.waiting();
      await s.sending(outboundId);
      await s.lose(outboundId);
      const result = { kind: "found", providerMessageId: "SM1", status: "sent" } as const;
      const record = { callId: s.id("call"), outboundId, attempt: 1, result };
      return (storage) => storage.recordSend(record);
    },
  },
  {
    name: "recordSend of what was not seen",
    async prepare(s) {
      const outboundId = await s.waiting();
      await s.sending(outboundId);
      await s.lose(outboundId);
      const result = { kind: "unseen", lookInMs: 60_000, asOf: 1_000 } as const;
      const record = { callId: s.id("call"), outboundId, attempt: 1, result };
      return (storage) => storage.recordSend(record);
    },
  },
  {
    name: "recordStatus",
    async prepare(s) {
      const [first] = await s.waitingMessages(2);
      const id = present(first, "the first part").id;
      await s.sending(id);
      const record = s.callbackOf(id, "undelivered", { error: { code: 30003, reason: "Unreachable." } });
      return (storage) => storage.recordStatus(record);
    },
  },
  {
    name: "resolve",
    async prepare(s) {
      const outboundId = await s.waiting();
      await s.sending(outboundId);
      await s.lose(outboundId);
      const resolution = s.resolutionOf(outboundId, "resend");
      return (storage) => storage.resolve(resolution);
    },
  },
  {
    name: "resolve of a person's word",
    async prepare(s) {
      const [first] = await s.waitingMessages(2);
      const outboundId = present(first, "the first part").id;
      await s.sending(outboundId);
      await s.lose(outboundId);
      const resolution = s.resolutionOf(outboundId, "sent");
      return (storage) => storage.resolve(resolution);
    },
  },
  {
    name: "resolve that holds",
    async prepare(s) {
      const [first] = await s.waitingMessages(2);
      const outboundId = present(first, "the first part").id;
      await s.sending(outboundId);
      await s.lose(outboundId);
      const resolution = s.resolutionOf(outboundId, "hold");
      return (storage) => storage.resolve(resolution);
    },
  },
  {
    name: "requeueTurn",
    async prepare(s) {
      await s.texted();
      const { turn } = await fallenBack(s);
      const requeue = { callId: s.id("call"), turnId: turn.id };
      return (storage) => storage.requeueTurn(requeue);
    },
  },
  {
    name: "requeueTurn that refuses",
    async prepare(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.commit(claimed);
      const requeue = { callId: s.id("call"), turnId: claimed.turn.id };
      return (storage) => storage.requeueTurn(requeue);
    },
  },
  {
    name: "markUnknown",
    async prepare(s) {
      await s.waitingMessages(3);
      await s.sending(await s.waiting({ participant: "+15550199002" }));
      const suspicion = { scope: SCOPE, callId: s.id("call"), limit: 3, lookInMs: UNKNOWN_WINDOW_MS };
      return (storage) => storage.markUnknown(suspicion);
    },
  },
  {
    name: "setPaused",
    async prepare(s) {
      await s.texted();
      const { conversation } = await s.claimed();
      const change = { callId: s.id("call"), conversationId: conversation.id, paused: true, skipUnanswered: false };
      return (storage) => storage.setPaused(change);
    },
  },
  {
    name: "erase",
    async prepare(s) {
      await s.texted();
      await s.waitingMessages(2);
      const order = { callId: s.id("call"), participant: PERSON, line: null };
      return (storage) => storage.erase(order);
    },
  },
  {
    name: "purge",
    async prepare(s) {
      await s.texted({ needsAnswer: false });
      await s.texted({ needsAnswer: false });
      await s.advance(60_000);
      const order = { callId: s.id("call"), olderThanMs: 30_000, limit: 1 };
      return (storage) => storage.purge(order);
    },
  },
  {
    name: "claimSweep",
    async prepare(s) {
      const claim = { callId: s.id("call"), workerId: "w1", sender: LINE, everyMs: 60_000, leaseMs: LEASE_MS };
      return (storage) => storage.claimSweep(claim);
    },
  },
  {
    name: "commitSweep",
    async prepare(s) {
      const claim = { callId: s.id("call"), workerId: "w1", sender: LINE, everyMs: 60_000, leaseMs: LEASE_MS };
      const { fence } = present(await s.storage.claimSweep(claim), "the claim");
      const commit = { callId: s.id("call"), sender: LINE, fence, watermark: 1_000 };
      return (storage) => storage.commitSweep(commit);
    },
  },
];

/** Commits the fallback for a turn. */
async function fallenBack(s: Scene): Promise<ClaimedTurn> {
  const claimed = await s.claimed();
  await s.commit(claimed, { outcome: "fallback" });
  return claimed;
}
