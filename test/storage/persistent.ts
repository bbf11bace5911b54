import { isOwnlineError } from "../../src/errors.ts";
import type { Storage } from "../../src/storage/storage.ts";

const MOST_TRIES = 100;

/**
 * Calls again, under the same call id, for as long as the ledger may have lost the answer: as the engine does. A record
 * without a call id gets one.
 */
export function persistent(storage: Storage): Storage {
  return {
    ...storage,
    recordInbound: (record) =>
      again((named) => storage.recordInbound(named), { callId: crypto.randomUUID(), ...record }),
    recordOutbound: (record) =>
      again((named) => storage.recordOutbound(named), { callId: crypto.randomUUID(), ...record }),
    claimTurns: (claim) => again(storage.claimTurns, claim),
    commitTurn: (commit) => again(storage.commitTurn, commit),
    releaseTurn: (release) => again(storage.releaseTurn, release),
    heartbeat: (heartbeat) => again(storage.heartbeat, heartbeat),
    setPaused: (change) => again(storage.setPaused, change),
    claimSend: (claim) => again(storage.claimSend, claim),
    recordSend: (record) => again(storage.recordSend, record),
    recordStatus: (record) => again(storage.recordStatus, record),
    resolve: (resolution) => again(storage.resolve, resolution),
    requeueTurn: (requeue) => again(storage.requeueTurn, requeue),
    markUnknown: (suspicion) => again(storage.markUnknown, suspicion),
    claimSweep: (claim) => again(storage.claimSweep, claim),
    commitSweep: (commit) => again(storage.commitSweep, commit),
    erase: (order) => again(storage.erase, order),
    purge: (order) => again(storage.purge, order),
  };
}

async function again<Input, Answer>(call: (input: Input) => Promise<Answer>, input: Input): Promise<Answer> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await call(input);
    } catch (error) {
      if (!isOwnlineError(error) || !error.retryable || tried >= MOST_TRIES) throw error;
    }
  }
}
