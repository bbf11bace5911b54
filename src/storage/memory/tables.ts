import type { Changes } from "../database.ts";
import { nameOf } from "../ledger/held.ts";
import type {
  AttemptRow,
  ConsentRow,
  ConversationRow,
  CounterRow,
  KeyRow,
  MessageRow,
  RateLimitRow,
  SweepRow,
  TurnRow,
  WorkerRow,
} from "../ledger/rows.ts";
import { isAhead } from "../ledger/rules/clock.ts";
import { charged } from "../ledger/rules/counters.ts";
import { StoredAnswers } from "./answers.ts";
import {
  type Conversation,
  claimablePlace,
  duePlace,
  isListedOpen,
  isUnsent,
  type Message,
  noteChange,
  writeEvent,
} from "./entries.ts";
import { Grouped } from "./grouped.ts";
import { DueIndex, firstIndex, IndexByScope, isSamePlace, SortedIndex } from "./sorted-index.ts";

/**
 * The rows of the ledger in memory, with the indexes that a database would have. A change replaces a row and never
 * modifies it.
 */
export class MemoryTables {
  readonly conversations: Map<string, Conversation> = new Map<string, Conversation>();
  readonly messages: Map<string, Message> = new Map<string, Message>();
  readonly turns: Map<string, TurnRow> = new Map<string, TurnRow>();
  readonly keys: Map<string, KeyRow> = new Map<string, KeyRow>();
  readonly consents: Map<string, ConsentRow> = new Map<string, ConsentRow>();
  readonly counters: Map<string, CounterRow> = new Map<string, CounterRow>();
  readonly rateLimits: Map<string, RateLimitRow> = new Map<string, RateLimitRow>();
  readonly workers: Map<string, WorkerRow> = new Map<string, WorkerRow>();
  readonly sweeps: Map<string, SweepRow> = new Map<string, SweepRow>();
  readonly answers: StoredAnswers = new StoredAnswers();

  readonly byAddress: Map<string, Conversation> = new Map<string, Conversation>();
  readonly byParticipant: Grouped<Conversation> = new Grouped<Conversation>();
  readonly byConsent: Grouped<Conversation> = new Grouped<Conversation>();
  readonly byLease: Grouped<Conversation> = new Grouped<Conversation>();
  /** Messages with an attempt that a worker is sending. */
  readonly bySender: Grouped<Message> = new Grouped<Message>();
  readonly groups: Map<string, Message[]> = new Map<string, Message[]>();
  /** Conversations in which a turn may begin. */
  readonly dueTurns: DueIndex<Conversation> = new DueIndex<Conversation>();
  /** Messages to send or to look up. */
  readonly dueMessages: DueIndex<Message> = new DueIndex<Message>();
  /** Messages that are `waiting` or `sending`, by scope and age. */
  readonly unsent: IndexByScope<Message> = new IndexByScope<Message>();
  /** Conversations, by the time of their newest message. */
  readonly recent: SortedIndex<Conversation> = new SortedIndex<Conversation>();
  /** Messages, by age. */
  readonly oldest: SortedIndex<Message> = new SortedIndex<Message>();

  /** Writes the changes of a decision. */
  apply({ inserted, updated, charges, alive, answers }: Changes, now: number): void {
    for (const row of inserted.conversations ?? []) this.#insertConversation({ ...row, version: 1 });
    for (const row of inserted.messages ?? []) this.#insertMessage(row);
    for (const row of inserted.attempts ?? []) this.#writeAttempt(this.messageOf(row.outboundId), row);
    for (const row of inserted.events ?? []) writeEvent(this.messageOf(row.outboundId), row);
    for (const row of inserted.turns ?? []) this.#writeTurn(row);
    for (const row of inserted.keys ?? []) this.keys.set(nameOf(row.kind, row.key), row);
    for (const row of inserted.consents ?? []) this.consents.set(row.key, { ...row, version: 1 });
    for (const row of inserted.rateLimits ?? []) this.rateLimits.set(row.key, { ...row, version: 1 });
    for (const row of inserted.sweeps ?? []) this.sweeps.set(row.sender, { ...row, version: 1 });

    for (const patch of updated.messages ?? []) this.#replaceMessage(this.messageOf(patch.id), patch);
    for (const patch of updated.attempts ?? []) {
      const message = this.messageOf(patch.outboundId);
      this.#writeAttempt(message, { ...known(message.attempts[(patch.attempt ?? 0) - 1]), ...patch });
    }
    for (const patch of updated.events ?? []) {
      const message = this.messageOf(patch.outboundId);
      writeEvent(message, { ...known(message.events[(patch.attempt ?? 0) - 1]?.[patch.position ?? -1]), ...patch });
    }
    for (const patch of updated.turns ?? []) this.#writeTurn({ ...known(this.turns.get(patch.id ?? "")), ...patch });
    for (const patch of updated.consents ?? []) raise(this.consents, patch.key, patch);
    for (const patch of updated.rateLimits ?? []) raise(this.rateLimits, patch.key, patch);
    for (const patch of updated.sweeps ?? []) raise(this.sweeps, patch.sender, patch);
    for (const patch of updated.conversations ?? []) {
      const conversation = known(this.conversations.get(patch.id ?? ""));
      this.#replaceConversation(conversation, { ...conversation.row, ...patch, version: conversation.row.version + 1 });
    }
    for (const charge of charges) {
      this.counters.set(charge.key, charged(this.counters.get(charge.key), charge, now));
    }
    for (const { workerId: id, scope, until } of alive) {
      const row = this.workers.get(id);
      const before = row === undefined || isAhead(row.writtenAt, now) ? 0 : row.aliveUntil;
      if (before < until) this.workers.set(id, { id, scope, aliveUntil: until, writtenAt: now });
    }
    for (const answer of answers) this.answers.store(answer, now);
  }

  messageOf(id: string | undefined): Message {
    return known(this.messages.get(id ?? ""));
  }

  #insertConversation(row: ConversationRow): void {
    const conversation: Conversation = { row, messages: [], open: [], turns: [], unsettled: new Set(), feed: [] };
    this.conversations.set(row.id, conversation);
    this.byAddress.set(nameOf(row.line, row.participantKey), conversation);
    this.byParticipant.add(row.participantKey, conversation);
    this.#indexConversation(conversation);
  }

  #replaceConversation(conversation: Conversation, row: ConversationRow): void {
    const before = conversation.row;
    const dueBefore = claimablePlace(conversation);
    conversation.row = row;
    const { id } = row;
    if (row.consentKey !== before.consentKey) {
      this.byConsent.delete(before.consentKey, conversation);
      this.byConsent.add(row.consentKey, conversation);
    }
    if (row.leaseWorker !== before.leaseWorker) {
      if (before.leaseWorker !== null) this.byLease.delete(before.leaseWorker, conversation);
      if (row.leaseWorker !== null) this.byLease.add(row.leaseWorker, conversation);
    }
    if (row.updatedAt !== before.updatedAt) {
      this.recent.delete({ at: before.updatedAt, id });
      this.recent.add({ at: row.updatedAt, id }, conversation);
    }
    const due = claimablePlace(conversation);
    if (isSamePlace(due, dueBefore)) return;
    this.dueTurns.delete(dueBefore);
    this.dueTurns.add(due, conversation);
  }

  #indexConversation(conversation: Conversation): void {
    const { id, consentKey, leaseWorker, updatedAt } = conversation.row;
    this.byConsent.add(consentKey, conversation);
    if (leaseWorker !== null) this.byLease.add(leaseWorker, conversation);
    this.recent.add({ at: updatedAt, id }, conversation);
    this.dueTurns.add(claimablePlace(conversation), conversation);
  }

  #unindexConversation(conversation: Conversation): void {
    const { id, consentKey, leaseWorker, updatedAt } = conversation.row;
    this.byConsent.delete(consentKey, conversation);
    if (leaseWorker !== null) this.byLease.delete(leaseWorker, conversation);
    this.recent.delete({ at: updatedAt, id });
    this.dueTurns.delete(claimablePlace(conversation));
  }

  #insertMessage(row: MessageRow): void {
    const conversation = known(this.conversations.get(row.conversationId));
    const message: Message = { row, conversation, attempts: [], events: [] };
    this.messages.set(row.id, message);
    this.oldest.add({ at: row.createdAt, id: row.id }, message);
    const place = firstIndex(conversation.messages, (one) => one.row.seq > row.seq);
    conversation.messages.splice(place, 0, message);
    if (row.groupId !== null) {
      const group = this.groups.get(row.groupId) ?? [];
      group.push(message);
      group.sort((one, other) => (one.row.part ?? 0) - (other.row.part ?? 0));
      this.groups.set(row.groupId, group);
    }
    this.#indexMessage(message);
    noteChange(message);
  }

  #replaceMessage(message: Message, patch: Partial<MessageRow>): void {
    const before = message.row;
    this.#unindexMessage(message);
    message.row = { ...before, ...patch };
    this.#indexMessage(message);
    if (message.row.changedSeq !== before.changedSeq) noteChange(message);
  }

  #indexMessage(message: Message): void {
    const { id, createdAt, scope } = message.row;
    this.dueMessages.add(duePlace(message), message);
    if (isUnsent(message)) this.unsent.of(scope).add({ at: createdAt, id }, message);
    if (isListedOpen(message)) {
      const { open } = message.conversation;
      open.splice(
        firstIndex(open, (one) => one.row.seq > message.row.seq),
        0,
        message,
      );
    }
  }

  #unindexMessage(message: Message): void {
    const { id, createdAt, scope } = message.row;
    this.dueMessages.delete(duePlace(message));
    if (isUnsent(message)) this.unsent.of(scope).delete({ at: createdAt, id });
    if (isListedOpen(message)) remove(message.conversation.open, message);
  }

  #writeAttempt(message: Message, row: AttemptRow): void {
    const before = message.attempts[row.attempt - 1];
    if (before?.worker != null) this.bySender.delete(before.worker, message);
    message.attempts[row.attempt - 1] = row;
    if (row.worker !== null) this.bySender.add(row.worker, message);
    const { unsettled } = message.conversation;
    if (message.attempts.some(({ status }) => status === "unknown")) unsettled.add(message);
    else unsettled.delete(message);
  }

  #writeTurn(row: TurnRow): void {
    const { turns } = known(this.conversations.get(row.conversationId));
    this.turns.set(row.id, row);
    const at = turns.findLastIndex(({ id }) => id === row.id);
    if (at >= 0) turns[at] = row;
    else turns.push(row);
  }

  /**
   * Deletes messages of one conversation with the rows that belong to them. Their keys stay, but no longer refer to a
   * message.
   */
  deleteMessages(conversation: Conversation, messages: ReadonlySet<Message>): void {
    for (const message of messages) {
      const { row, attempts } = message;
      this.#unindexMessage(message);
      this.messages.delete(row.id);
      this.oldest.delete({ at: row.createdAt, id: row.id });
      for (const { worker } of attempts) if (worker !== null) this.bySender.delete(worker, message);
      conversation.unsettled.delete(message);
      this.#forgetKeys(message);
    }
    conversation.messages = conversation.messages.filter((message) => !messages.has(message));
    conversation.feed = conversation.feed.filter((entry) => !messages.has(entry.message));
  }

  #forgetKeys({ row }: Message): void {
    if (row.status === null) {
      this.#forgetKey("inbound", row.key, row.id);
      return;
    }
    for (const id of row.providerMessageIds ?? []) this.#forgetKey("provider", id, row.id);
    const group = (this.groups.get(row.groupId ?? "") ?? []).filter((part) => part.row.id !== row.id);
    if (group.length > 0) this.groups.set(row.groupId ?? "", group);
    else {
      this.groups.delete(row.groupId ?? "");
      this.#forgetKey("outbound", row.key, row.groupId);
    }
  }

  #forgetKey(kind: KeyRow["kind"], key: string | null, ref: string | null): void {
    const row = this.keys.get(nameOf(kind, key ?? ""));
    if (row?.ref === ref)
      this.keys.set(nameOf(kind, row?.key ?? ""), { ...known(row), ref: null, attempt: null, content: null });
  }

  deleteTurn({ id, conversationId }: TurnRow): void {
    this.turns.delete(id);
    const conversation = this.conversations.get(conversationId);
    if (conversation !== undefined) conversation.turns = conversation.turns.filter((turn) => turn.id !== id);
  }

  /** Deletes a conversation whose messages have been deleted. */
  deleteConversation(conversation: Conversation): void {
    const { id, line, participantKey } = conversation.row;
    for (const turn of conversation.turns) this.turns.delete(turn.id);
    this.#unindexConversation(conversation);
    this.conversations.delete(id);
    this.byAddress.delete(nameOf(line, participantKey));
    this.byParticipant.delete(participantKey, conversation);
  }

  /** Raises the version of a conversation, because a deletion changed rows that belong to it. */
  touch(conversation: Conversation): void {
    conversation.row = { ...conversation.row, version: conversation.row.version + 1 };
  }
}

function raise<Row extends { readonly version: number }>(
  rows: Map<string, Row>,
  key: string | undefined,
  patch: Partial<Row>,
): void {
  const row = known(rows.get(key ?? ""));
  rows.set(key ?? "", { ...row, ...patch, version: row.version + 1 });
}

function known<Row>(row: Row | undefined): Row {
  if (row === undefined) throw new TypeError("A change names a row that does not exist.");
  return row;
}

function remove<V>(list: V[], value: V): void {
  const at = list.indexOf(value);
  if (at >= 0) list.splice(at, 1);
}
