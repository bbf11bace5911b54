import type { StorageClock } from "../clock.ts";
import type { Decided, LedgerDatabase, Loaded, Plan } from "../database.ts";
import { nameOf } from "../ledger/held.ts";
import { consentOf, conversationOf } from "../ledger/shown.ts";
import { erasedIn } from "../ledger/stored-answer.ts";
import type { Erased } from "../storage.ts";
import { erase, purge } from "./erasure.ts";
import { load } from "./loads.ts";
import { changes, competingAttempts, due, listConversations, listMessages, openCounters, story } from "./reads.ts";
import { MemoryTables } from "./tables.ts";

const SECRET_BYTES = 32;

/** The rows of a ledger in the memory of this process. A decision is one synchronous step, so it needs no guard. */
export function memoryDatabase(clock: StorageClock): LedgerDatabase {
  const tables = new MemoryTables();

  function decide<Answer>(plans: readonly Plan[], judge: (loaded: Loaded) => Decided<Answer>): Answer {
    const at = clock.now();
    tables.answers.forgetOld(at);
    const { answer, changes: written } = judge(load(tables, plans, at));
    if (written !== null) tables.apply(written, at);
    return answer;
  }

  return { ...readsAndDeletions(tables, clock), maxPlans: 1, decide: async (plans, judge) => decide(plans, judge) };
}

/** The methods of a database over rows in memory, except `decide`. Each call is one synchronous step. */
export function readsAndDeletions(
  tables: MemoryTables,
  clock: StorageClock,
): Omit<LedgerDatabase, "decide" | "maxPlans"> {
  const secret = randomSecret();
  const now = (): number => clock.now();

  /** Runs a deletion once. A repetition after a lost answer deletes nothing more, and returns the first answer. */
  function once(call: string, act: () => Erased): Erased {
    const stored = tables.answers.get(call);
    if (stored !== undefined) return erasedIn(stored, call);
    const answer = act();
    tables.answers.store({ call, answer: JSON.stringify(answer), conversationIds: [] }, now());
    return answer;
  }

  return {
    name: "memory",
    migrate: async () => {},
    open: async () => ({ secret }),
    close: async () => {},

    due: async (query) => seen({ found: due(tables, query, now()), now: now() }),
    competingAttempts: async (query) => competingAttempts(tables, query, now()),
    counters: async (keys) => openCounters(tables, keys, now()),
    async consent(key) {
      const row = tables.consents.get(key);
      return row === undefined ? null : consentOf(row);
    },
    async conversation(id) {
      const found = tables.conversations.get(id);
      return found === undefined ? null : conversationOf(found.row);
    },
    conversations: async (page) => seen({ found: listConversations(tables, page) }),
    messages: async (page) => listMessages(tables, page),
    changes: async (page) => seen({ found: changes(tables, page), next: null }),
    story: async (messageId) => story(tables, messageId),
    unread: async () => [],
    discard: async () => {},
    unrecorded: async (keys) => keys.filter((key) => !tables.keys.has(nameOf("inbound", key))),

    erase: async (order) => once(`erase ${order.callId}`, () => erase(tables, order)),
    purge: async (order) => once(`purge ${order.callId}`, () => purge(tables, order, now())),
  };
}

/** No row is unreadable, because no other program writes to this memory. */
function seen<Found extends object>(found: Found): Found & { readonly corrupt: readonly never[] } {
  return { ...found, corrupt: [] };
}

function randomSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(SECRET_BYTES));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
