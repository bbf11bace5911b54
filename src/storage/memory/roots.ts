import type { Root } from "../database.ts";
import { nameOf } from "../ledger/held.ts";
import type { TurnRow } from "../ledger/rows.ts";
import { isAhead, isExpired } from "../ledger/rules/clock.ts";
import { claimableAt, isLeftToOthers } from "../ledger/rules/leases.ts";
import type { Conversation, Message } from "./entries.ts";
import { aheadOf } from "./sorted-index.ts";
import type { MemoryTables } from "./tables.ts";

const START = { at: Number.NEGATIVE_INFINITY, id: "" };

type RootBy<By extends Root["by"]> = Extract<Root, { readonly by: By }>;

/** What the root of a plan names. */
export interface Found {
  readonly conversations: readonly Conversation[];
  readonly messages: readonly Message[];
  /** The turn, if the root is a turn. */
  readonly turn?: TurnRow;
  /** Expired workers, if the root is what workers hold. */
  readonly expired?: readonly string[];
}

const NOTHING: Found = { conversations: [], messages: [] };

/** Finds the conversations and messages of a root. */
export function rootOf(tables: MemoryTables, root: Root, now: number): Found {
  switch (root.by) {
    case "nothing":
      return NOTHING;
    case "conversation":
      return ofConversation(tables.conversations.get(root.id));
    case "address":
      return ofConversation(tables.byAddress.get(nameOf(root.line, root.participantKey)));
    case "message":
      return ofMessage(tables.messages.get(root.id));
    case "attempt":
      return ofMessage(messageOfAttempt(tables, root));
    case "turn": {
      const turn = tables.turns.get(root.id);
      return turn === undefined ? NOTHING : { ...ofConversation(tables.conversations.get(turn.conversationId)), turn };
    }
    case "due":
      return { conversations: due(tables, root, now), messages: [] };
    case "workers":
      return held(tables, root, now);
    case "unsent":
      return ofMessages(take(tables.unsent.of(root.scope).from(START), root.limit));
    default:
      return root satisfies never;
  }
}

function messageOfAttempt(
  { messages, keys }: MemoryTables,
  { outboundId, attempt, providerMessageId }: RootBy<"attempt">,
): Message | undefined {
  const named = outboundId === null || attempt === null ? undefined : messages.get(outboundId);
  if (attempt !== null && named?.attempts[attempt - 1] !== undefined) return named;
  const key = keys.get(nameOf("provider", providerMessageId ?? ""));
  return key?.ref == null ? undefined : messages.get(key.ref);
}

function due({ dueTurns }: MemoryTables, { scope, workerId, limit }: RootBy<"due">, now: number): Conversation[] {
  const { byTime, byWriting } = dueTurns;
  const found = take(byWriting.of(scope).from(aheadOf(now)), limit);
  for (const conversation of byTime.of(scope).from(START)) {
    const at = claimableAt(conversation.row);
    if (found.length >= limit || at === null || at > now) break;
    if (isAhead(conversation.row.writtenAt, now)) continue;
    if (isLeftToOthers(conversation.row, workerId, now)) continue;
    found.push(conversation);
  }
  return found;
}

function held(
  { workers, byLease, bySender }: MemoryTables,
  { scope, workerId, limit }: RootBy<"workers">,
  now: number,
): Found {
  const conversations = new Set(byLease.get(workerId));
  const messages = new Set<Message>();
  const reclaimed = new Set<Conversation>();
  const expired: string[] = [];
  for (const worker of workers.values()) {
    const { id } = worker;
    if (id === workerId || worker.scope !== scope || !isExpired(worker, now)) continue;
    const leased = byLease.get(id) ?? [];
    const sending = bySender.get(id) ?? [];
    if (isAhead(worker.writtenAt, now)) {
      if (byLease.has(id) || bySender.has(id)) expired.push(id);
      continue;
    }
    for (const conversation of leased) if (reclaimed.size < limit) reclaimed.add(conversation);
    for (const message of sending) {
      if (reclaimed.size >= limit && !reclaimed.has(message.conversation)) continue;
      reclaimed.add(message.conversation);
      messages.add(message);
    }
    expired.push(id);
  }
  for (const conversation of reclaimed) conversations.add(conversation);
  return { conversations: [...conversations], messages: [...messages], expired };
}

function ofConversation(conversation: Conversation | undefined): Found {
  return conversation === undefined ? NOTHING : { conversations: [conversation], messages: [] };
}

function ofMessage(message: Message | undefined): Found {
  return message === undefined ? NOTHING : ofMessages([message]);
}

function ofMessages(messages: readonly Message[]): Found {
  return { conversations: [...new Set(messages.map(({ conversation }) => conversation))], messages };
}

function take<T>(values: Iterable<T>, limit: number): T[] {
  const taken: T[] = [];
  for (const value of values) {
    if (taken.length >= limit) break;
    taken.push(value);
  }
  return taken;
}
