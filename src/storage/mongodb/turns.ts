import type { Conversation } from "../../model/conversation.ts";
import { keepable } from "../sql/statement.ts";
import type { ClaimedTurn, CommittedTurn, PauseChange, TurnClaim, TurnCommit, TurnRelease } from "../storage.ts";
import { texts } from "./fields.ts";
import {
  claimTurn as judgeClaim,
  commitTurn as judgeCommit,
  setPaused as judgePause,
  releaseTurn as judgeRelease,
} from "./judgement/turns.ts";
import { loadHead, loadNewestPending, loadOpenTurn, loadTurns, textsFrom } from "./loads.ts";
import { keepWorkerAlive, lockConversation } from "./locks.ts";
import type { Method } from "./operations.ts";
import { readClock } from "./store.ts";

/** See {@link Storage.claimTurns}. */
export const CLAIM_TURN: Method<Omit<TurnClaim, "limit">, ClaimedTurn | null> = {
  name: "claimTurn",
  line: "worker",
  judge: judgeClaim,
  async lock(set, { workerId }) {
    keepable(workerId);
    set.setNow(await readClock(set.store, set.session));
    await lockConversation(set, { claimableAt: { $lte: set.now } }, { sort: { claimableAt: 1, _id: 1 } });
  },
  async load(set) {
    for (const row of set.ledger.conversations.values()) {
      await loadOpenTurn(set, row);
      const pending = await textsFrom(set, row.shown.id, row.shown.answeredSeq + 1);
      const [first] = pending;
      // How many turns began with that text decides the id of another.
      if (first !== undefined) await loadTurns(set, texts(first, "turnIds"));
      set.addPending(row, pending);
    }
  },
  changedNothing: (answer) => answer === null,
  finish: (set, { workerId, leaseMs }) => keepWorkerAlive(set, workerId, leaseMs),
};

/** See {@link Storage.commitTurn}. */
export const COMMIT_TURN: Method<TurnCommit, CommittedTurn> = {
  name: "commitTurn",
  line: "worker",
  judge: judgeCommit,
  async lock(set, { conversationId, parts }) {
    for (const { id } of parts) keepable(id);
    await lockConversation(set, { _id: keepable(conversationId) });
  },
  async load(set, { throughSeq }) {
    for (const row of set.ledger.conversations.values()) {
      await loadOpenTurn(set, row);
      await loadNewestPending(set, row, throughSeq);
      await loadHead(set, row);
    }
  },
  changedNothing: ({ outcome }) => outcome === "lost",
};

/** See {@link Storage.releaseTurn}. */
export const RELEASE_TURN: Method<TurnRelease, boolean> = {
  name: "releaseTurn",
  line: "worker",
  judge: judgeRelease,
  async lock(set, { conversationId }) {
    await lockConversation(set, { _id: keepable(conversationId) });
  },
  async load(set) {
    for (const row of set.ledger.conversations.values()) await loadOpenTurn(set, row);
  },
  changedNothing: (isHeld) => !isHeld,
};

/** See {@link Storage.setPaused}. */
export const SET_PAUSED: Method<PauseChange, Conversation | null> = {
  name: "setPaused",
  line: "outside",
  judge: judgePause,
  async lock(set, { conversationId }) {
    await lockConversation(set, { _id: keepable(conversationId) });
  },
  async load(set) {
    for (const row of set.ledger.conversations.values()) {
      await loadOpenTurn(set, row);
      await loadNewestPending(set, row, row.shown.answeredSeq);
    }
  },
  changedNothing: (conversation) => conversation === null,
};
