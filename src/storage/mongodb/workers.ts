import { keepable } from "../sql/statement.ts";
import type { Heartbeat, HeartbeatAnswer } from "../storage.ts";
import { number, text } from "./fields.ts";
import type { WorkerRow } from "./judgement/rows.ts";
import { heartbeat as judgeHeartbeat } from "./judgement/turns.ts";
import { loadHead, loadOutbound, loadTurns } from "./loads.ts";
import { keepWorkerAlive, lockConversations } from "./locks.ts";
import { FORGOTTEN_AFTER_MS, type Method } from "./operations.ts";
import { readClock } from "./store.ts";
import type { WorkingSet } from "./working-set.ts";

/** How many leases, and how many messages, of the dead one heartbeat takes back. The next one takes the rest. */
const MAX_BURIED = 500;

/**
 * See {@link Storage.heartbeat}. A dead worker's document stays for an hour, far longer than a transaction may take:
 * so a lease that was written just as its worker died, and which this heartbeat does not see yet, is found by a later
 * one.
 */
export const HEARTBEAT: Method<Heartbeat, HeartbeatAnswer> = {
  name: "heartbeat",
  // A process has one at a time. Behind others it would come too late, and every lease would be lost.
  line: null,
  judge: judgeHeartbeat,
  async lock(set, { workerId }) {
    keepable(workerId);
    set.setNow(await readClock(set.store, set.session));
  },
  async load(set, { workerId, leaseMs }) {
    await keepWorkerAlive(set, workerId, leaseMs);
    await loadOwnLeases(set, workerId);
    const dead = await set.find("workers", { aliveUntil: { $lte: set.now }, _id: { $ne: workerId } });
    for (const doc of dead) addWorker(set, text(doc, "_id"), number(doc, "aliveUntil"));
    const ids = dead.map((doc) => text(doc, "_id"));
    if (ids.length > 0) await loadHoldingsOf(set, ids);
    await forgetLongDead(set);
  },
};

function addWorker(set: WorkingSet, workerId: string, aliveUntil: number): WorkerRow {
  const row: WorkerRow = { aliveUntil, leases: new Set(), sending: new Set() };
  set.ledger.workers.set(workerId, row);
  return row;
}

async function loadOwnLeases(set: WorkingSet, workerId: string): Promise<void> {
  const self = addWorker(set, workerId, 0);
  const docs = await set.find("conversations", { leasedTo: workerId }, { sort: { _id: 1 } });
  const newest: object[] = [];
  for (const doc of docs) {
    const row = set.addConversation(doc);
    if (row === null) continue;
    self.leases.add(row);
    const { pendingSeq } = set.placeOf(row);
    if (pendingSeq > row.shown.answeredSeq) newest.push({ conversationId: row.shown.id, seq: pendingSeq });
  }
  await loadOpenTurns(set);
  if (newest.length === 0) return;
  for (const row of set.addMessages(await set.find("messages", { $or: newest }))) {
    if (row.direction === "inbound") row.conversation.pending.push(row);
  }
}

async function loadOpenTurns(set: WorkingSet): Promise<void> {
  const rows = [...set.ledger.conversations.values()];
  await loadTurns(
    set,
    rows.flatMap((row) => set.placeOf(row).unloadedTurnId ?? []),
  );
}

/** What dead workers hold: their leases, and what they were sending. */
async function loadHoldingsOf(set: WorkingSet, workerIds: readonly string[]): Promise<void> {
  const leased = { leasedTo: { $in: workerIds } };
  const sending = { sendingBy: { $in: workerIds } };
  const few = { limit: MAX_BURIED };
  const leases = await set.find("conversations", leased, { ...few, projection: { _id: 1 } });
  const messages = await set.find("messages", sending, { ...few, projection: { conversationId: 1 } });
  const ids = [...leases.map((doc) => text(doc, "_id")), ...messages.map((doc) => text(doc, "conversationId"))];
  if (ids.length === 0) return;
  await lockConversations(set, { _id: { $in: [...new Set(ids)].toSorted() } });
  await loadOpenTurns(set);
  for (const row of set.ledger.conversations.values()) {
    if (row.leasedTo !== null && workerIds.includes(row.leasedTo))
      set.ledger.workers.get(row.leasedTo)?.leases.add(row);
  }
  for (const doc of messages) await loadSending(set, text(doc, "_id"));
}

async function loadSending(set: WorkingSet, messageId: string): Promise<void> {
  const row = await loadOutbound(set, messageId);
  if (row === null) return;
  for (const attempt of row.attempts) {
    if (attempt.workerId !== null) set.ledger.workers.get(attempt.workerId)?.sending.add(attempt);
  }
  await loadHead(set, row.conversation);
}

/** Those that hold nothing for certain: whatever they wrote is known by now. */
async function forgetLongDead(set: WorkingSet): Promise<void> {
  const longAgo = set.now - FORGOTTEN_AFTER_MS;
  const gone: string[] = [];
  for (const [id, { aliveUntil, leases, sending }] of set.ledger.workers) {
    if (aliveUntil > 0 && aliveUntil <= longAgo && leases.size + sending.size === 0) gone.push(id);
  }
  if (gone.length === 0) return;
  const filter = { _id: { $in: gone }, aliveUntil: { $lte: longAgo } };
  await set.store.tables.workers.deleteMany(filter);
}
