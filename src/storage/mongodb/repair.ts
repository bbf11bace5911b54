import type { OutboundMessage } from "../../model/message.ts";
import { keepable } from "../sql/statement.ts";
import type { ClaimedSweep, RequeuedTurn, Suspicion, SweepClaim, SweepCommit, TurnRequeue } from "../storage.ts";
import { isTrue, number, numberOrNull, text } from "./fields.ts";
import { requeueTurn as judgeRequeue, suspect as judgeSuspicion } from "./judgement/repair.ts";
import { claimSweep as judgeSweepClaim, commitSweep as judgeSweepCommit } from "./judgement/sweeps.ts";
import { loadConsent, loadGroup, loadHead, textsFrom } from "./loads.ts";
import { lockAll, lockConversation, lockConversations } from "./locks.ts";
import type { Method } from "./operations.ts";
import { readClock } from "./store.ts";
import type { WorkingSet } from "./working-set.ts";

/** See {@link Storage.requeueTurn}. */
export const REQUEUE_TURN: Method<TurnRequeue, RequeuedTurn> = {
  name: "requeueTurn",
  line: "outside",
  judge: judgeRequeue,
  async lock(set, { turnId }) {
    const [turn] = await set.find("turns", { _id: keepable(turnId) });
    if (turn === undefined) return;
    await lockConversation(set, { _id: text(turn, "conversationId") });
  },
  async load(set, { turnId }) {
    for (const row of set.ledger.conversations.values()) {
      await loadConsent(set, row);
      const conversationId = row.shown.id;
      const newest = await set.find("turns", { conversationId }, { sort: { number: -1 }, limit: 1 });
      for (const doc of newest) set.addTurn(doc);
      for (const doc of await set.find("turns", { _id: turnId })) {
        const turn = set.addTurn(doc);
        set.addMessages(await set.find("messages", { turnIds: turnId }, { sort: { seq: 1 } }));
        // The texts of a turn that is not the newest one are not asked for.
        if (row.turns.at(-1) === turn) set.addMessages(await textsFrom(set, conversationId, turn.firstSeq));
      }
    }
  },
  changedNothing: ({ outcome }) => outcome === "unmatched",
};

/** See {@link Storage.suspect}. */
export const SUSPECT: Method<Suspicion, readonly OutboundMessage[]> = {
  name: "suspect",
  line: "outside",
  judge: judgeSuspicion,
  async lock(set, { limit }) {
    set.setNow(await readClock(set.store, set.session));
    const oldest = { sort: { createdAt: 1, _id: 1 }, limit };
    const found = await set.find("messages", { open: "queued" }, { ...oldest, projection: { conversationId: 1 } });
    if (found.length === 0) return;
    const ids = [...new Set(found.map((doc) => text(doc, "conversationId")))];
    await lockConversations(set, { _id: { $in: ids.toSorted() } });
    const filter = { _id: { $in: found.map((doc) => text(doc, "_id")) }, open: "queued" };
    for (const row of set.addMessages(await set.find("messages", filter))) {
      if (row.direction === "outbound" && row.message.parts > 1) await loadGroup(set, row.message.groupId);
    }
  },
  async load(set) {
    for (const row of set.ledger.conversations.values()) await loadHead(set, row);
  },
};

/** See {@link Storage.claimSweep}. */
export const CLAIM_SWEEP: Method<SweepClaim, ClaimedSweep | null> = {
  name: "claimSweep",
  line: "worker",
  judge: judgeSweepClaim,
  lock: (set, { sender }) => lockSweep(set, sender),
  changedNothing: (claimed) => claimed === null,
};

/** See {@link Storage.commitSweep}. */
export const COMMIT_SWEEP: Method<SweepCommit, boolean> = {
  name: "commitSweep",
  line: "worker",
  judge: judgeSweepCommit,
  lock: (set, { sender }) => lockSweep(set, sender),
  changedNothing: (isCommitted) => !isCommitted,
};

async function lockSweep(set: WorkingSet, sender: string): Promise<void> {
  for (const doc of await lockAll(set, "sweeps", [keepable(sender)])) {
    set.ledger.sweeps.set(sender, {
      watermark: numberOrNull(doc, "watermark"),
      committedAt: numberOrNull(doc, "committedAt"),
      claimedUntil: number(doc, "claimedUntil"),
      claimed: isTrue(doc, "claimed"),
      fence: number(doc, "fence"),
    });
  }
  set.setNow(await readClock(set.store, set.session));
}
