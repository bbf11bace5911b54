import { refuseUnknownOptions } from "../unknown-fields.ts";
import { type StorageClock, systemClock } from "./clock.ts";
import { copyOf } from "./memory/copy.ts";
import { openCounters } from "./memory/counters.ts";
import { erase, purge } from "./memory/erasure.ts";
import { recordSend, recordStatus, resolve } from "./memory/facts.ts";
import { claimSend } from "./memory/gate.ts";
import { Ledger } from "./memory/ledger.ts";
import { FirstResults } from "./memory/operations.ts";
import { changes, due, listConversations, listMessages, rivals, story } from "./memory/queries.ts";
import { requeueTurn, suspect } from "./memory/repair.ts";
import { claimSweep, commitSweep, unrecorded } from "./memory/sweeps.ts";
import { recordInbound, recordOutbound } from "./memory/texts.ts";
import { claimTurn, commitTurn, heartbeat, releaseTurn, setPaused } from "./memory/turns.ts";
import type { Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";

/** Options of {@link memory}. */
export interface MemoryOptions {
  /** @default the system's clock */
  readonly clock?: StorageClock;
}

const SECRET_BYTES = 32;

/**
 * A ledger in the memory of one process, for tests and for trying things out: it forgets everything when the process
 * ends, so a text that was acknowledged can go unanswered. It is the reference for other adapters: every method is
 * one synchronous step, and answers with copies.
 *
 * @throws OwnlineError `invalid_options` for an option that is not known.
 *
 * @example
 * ```ts
 * import { memory } from "ownline/storage/memory";
 *
 * const storage = memory();
 * ```
 */
export function memory(options: MemoryOptions = {}): Storage {
  refuseUnknownOptions("memory()", options, { clock: true });
  const { clock = systemClock } = options;
  const ledger = new Ledger(clock);
  const secret = randomSecret();
  const operations: FirstResults<unknown>[] = [];

  function once<C extends { readonly op: string }, R>(act: (ledger: Ledger, call: C) => R): (call: C) => Promise<R> {
    const first = new FirstResults<R>(clock);
    operations.push(first);
    return async (call) => copyOf(first.once(call.op, () => act(ledger, call)));
  }

  return {
    name: "memory",
    migrate: async () => {},
    open: async () => ({ secret }),
    close: async () => {},

    recordInbound: async (record) => copyOf(recordInbound(ledger, record)),
    recordOutbound: async (record) => copyOf(recordOutbound(ledger, record)),

    claimTurn: once(claimTurn),
    commitTurn: once(commitTurn),
    releaseTurn: once(releaseTurn),
    heartbeat: once(heartbeat),
    setPaused: once(setPaused),

    due: async (limit) => copyOf(due(ledger, limit)),
    claimSend: once(claimSend),
    recordSend: once(recordSend),
    recordStatus: once(recordStatus),
    rivals: async (query) => copyOf(rivals(ledger, query)),
    resolve: once(resolve),
    requeueTurn: once(requeueTurn),
    suspect: once(suspect),

    consent: async (consentKey) => copyOf(ledger.consents.get(consentKey) ?? null),
    conversation: async (id) => copyOf(ledger.conversations.get(id)?.shown ?? null),
    conversations: async (page) => copyOf(listConversations(ledger, page)),
    messages: async (page) => copyOf(listMessages(ledger, page)),
    changes: async (page) => copyOf(changes(ledger, page)),
    story: async (messageId) => copyOf(story(ledger, messageId)),

    erase: once((_, order) => {
      const erasedIds = new Set<string>();
      const erased = erase(ledger, order, erasedIds);
      for (const results of operations) results.forgetConversations(erasedIds);
      return erased;
    }),
    purge: once((_, order) => {
      for (const results of operations) results.forgetOld();
      return purge(ledger, order);
    }),

    claimSweep: once(claimSweep),
    counters: async (keys) => openCounters(ledger, keys),
    unrecorded: async (keys) => copyOf(unrecorded(ledger, keys)),
    commitSweep: once(commitSweep),
  };
}

function randomSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
