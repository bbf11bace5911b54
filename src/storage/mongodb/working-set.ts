import type { MongoDocument, MongoSession } from "./client.ts";
import { consentOf, conversationOf, inboundOf, messageOf, turnOf } from "./documents.ts";
import { moment, number, numberOrNull, text, textOrNull, texts } from "./fields.ts";
import { addressOf, Ledger } from "./judgement/ledger.ts";
import type { ConversationRow, InboundRow, MessageRow, OutboundRow, TurnRow } from "./judgement/rows.ts";
import { type ConversationPlace, insertBy, outboundRow, placeOf, seqOf, type TextLinks } from "./rows.ts";
import type { Table } from "./schema.ts";
import { type Store, sessionOf } from "./store.ts";

/** One answer for what is read, as long as it fits into one: a message and its document are small. */
const BATCH_SIZE = 5_000;
const NO_LINKS: TextLinks = { turnIds: [], autoReplyId: null };

/**
 * The part of the ledger that one operation needs, loaded into the tables of the reference storage, whose functions
 * then judge it as they would judge their own; `written()` finds what they changed.
 *
 * A conversation's lists hold only what was loaded, so each operation loads whatever its judgement looks at; what it
 * leaves out stays in the database as it is.
 */
export class WorkingSet {
  readonly store: Store;
  readonly session: MongoSession | null;
  /** Whose writes these are, over all the runs of one call. */
  readonly callId: string;
  readonly ledger: Ledger = new Ledger({ now: () => this.now });
  /** By the conversation's id. */
  readonly #places = new Map<string, ConversationPlace>();
  readonly #turnNumbers = new Map<TurnRow, number>();
  /** What the documents of texts name. */
  readonly #links = new Map<InboundRow, TextLinks>();
  readonly #groups = new Map<string, OutboundRow[]>();
  #now: number | null = null;

  constructor(store: Store, session: MongoSession | null, callId = "") {
    this.store = store;
    this.session = session;
    this.callId = callId;
  }

  /** The operation's one reading of the clock. */
  get now(): number {
    if (this.#now === null) throw new TypeError("The operation has not read the clock yet.");
    return this.#now;
  }

  /** The first reading counts. */
  setNow(now: number): void {
    this.#now ??= now;
  }

  /** The server's time of a lock, unless the ledger was given a clock. */
  setNowBy(locked: MongoDocument): void {
    this.setNow(this.store.clock?.now() ?? moment(locked, "lockedAt"));
  }

  async find(table: Table, filter: object, options: object = {}): Promise<readonly MongoDocument[]> {
    const all = { batchSize: BATCH_SIZE, ...options, ...sessionOf(this.session) };
    return await this.store.tables[table].find(filter, all).toArray();
  }

  /** Takes a conversation's document in. One that is about to begin has only its id, and no row yet: `null`. */
  addConversation(doc: MongoDocument): ConversationRow | null {
    const { ledger } = this;
    const id = text(doc, "_id");
    const known = ledger.conversations.get(id);
    if (known !== undefined) return known;
    this.#places.set(id, placeOf(doc));
    if (doc.seq === undefined) return null;
    const indexedAt = numberOrNull(doc, "claimableAt");
    const row: ConversationRow = {
      shown: conversationOf(doc),
      consentKey: text(doc, "consentKey"),
      pendingSince: numberOrNull(doc, "pendingSince"),
      dueAt: numberOrNull(doc, "dueAt"),
      backoffUntil: number(doc, "backoffUntil"),
      fence: number(doc, "fence"),
      leasedTo: textOrNull(doc, "leasedTo"),
      turn: null,
      turns: [],
      pending: [],
      messages: [],
      open: [],
      unsettled: new Set(),
      changes: [],
      indexedAt,
    };
    ledger.conversations.set(id, row);
    ledger.conversationByAddress.set(addressOf(row.shown.line, row.shown.participant), row);
    const alike = ledger.conversationsByConsentKey.get(row.consentKey) ?? new Set();
    ledger.conversationsByConsentKey.set(row.consentKey, alike.add(row));
    if (indexedAt !== null) ledger.dueTurns.add({ at: indexedAt, id }, row);
    return row;
  }

  /** Takes a person's consent in. A document that was only made to be locked says nothing. */
  addConsent(doc: MongoDocument): void {
    const consent = consentOf(doc);
    if (consent !== null) this.ledger.consents.set(text(doc, "_id"), consent);
  }

  /** Takes a turn in, before the messages that name it. */
  addTurn(doc: MongoDocument): TurnRow {
    const id = text(doc, "_id");
    const known = this.ledger.turns.get(id);
    if (known !== undefined) return known;
    const conversation = this.#conversationOf(doc);
    const [firstSeq, crashes] = [number(doc, "firstSeq"), number(doc, "crashes")];
    const turn: TurnRow = { shown: turnOf(doc), conversation, firstSeq, crashes, texts: [], group: this.#groupOf(id) };
    this.ledger.turns.set(id, turn);
    this.#turnNumbers.set(turn, number(doc, "number"));
    insertBy(conversation.turns, turn, (one) => this.#turnNumbers.get(one) ?? 0);
    const place = this.#places.get(conversation.shown.id);
    if (place?.unloadedTurnId === id) {
      conversation.turn = turn;
      place.unloadedTurnId = null;
    }
    return turn;
  }

  /** Takes messages in, after their conversations. Returns their rows in the same order. */
  addMessages(docs: readonly MongoDocument[]): MessageRow[] {
    const rows = docs.map((doc) => this.ledger.messages.get(text(doc, "_id")) ?? this.#addMessage(doc));
    for (const row of this.ledger.messages.values()) {
      if (row.direction !== "inbound") continue;
      const { autoReplyId } = this.linksOf(row);
      const reply = autoReplyId === null ? undefined : this.ledger.messages.get(autoReplyId);
      if (reply?.direction === "outbound") row.autoReply = reply;
    }
    return rows;
  }

  /** As {@link WorkingSet.addMessages}, of a conversation's texts that wait for an answer, by `seq`. */
  addPending(row: ConversationRow, docs: readonly MongoDocument[]): void {
    for (const one of this.addMessages(docs)) if (one.direction === "inbound") row.pending.push(one);
  }

  /** What a conversation's document holds beside its row. */
  placeOf(row: ConversationRow): ConversationPlace {
    const place = this.#places.get(row.shown.id);
    if (place === undefined) throw new TypeError("A conversation was made without a lock on its address.");
    return place;
  }

  /** A turn's place among those of its conversation; a new one takes the next. */
  numberOf(turn: TurnRow): number {
    const known = this.#turnNumbers.get(turn);
    if (known !== undefined) return known;
    const place = this.placeOf(turn.conversation);
    place.turnsBegun += 1;
    this.#turnNumbers.set(turn, place.turnsBegun);
    return place.turnsBegun;
  }

  /** What a text's document named when it was loaded. */
  linksOf(row: InboundRow): TextLinks {
    return this.#links.get(row) ?? NO_LINKS;
  }

  #addMessage(doc: MongoDocument): MessageRow {
    const conversation = this.#conversationOf(doc);
    const row =
      messageOf(doc).direction === "inbound" ? this.#textOf(doc, conversation) : this.#outboundOf(doc, conversation);
    this.ledger.messages.set(row.message.id, row);
    insertBy(conversation.messages, row, seqOf);
    return row;
  }

  #textOf(doc: MongoDocument, conversation: ConversationRow): InboundRow {
    const links = { turnIds: texts(doc, "turnIds"), autoReplyId: textOrNull(doc, "autoReplyId") };
    const message = inboundOf(doc);
    const turns = links.turnIds.flatMap((id) => this.ledger.turns.get(id) ?? []);
    const row: InboundRow = {
      direction: "inbound",
      conversation,
      key: text(doc, "key"),
      message,
      turns,
      autoReply: null,
    };
    this.#links.set(row, links);
    for (const turn of turns) insertBy(turn.texts, row, seqOf);
    return row;
  }

  #outboundOf(doc: MongoDocument, conversation: ConversationRow): OutboundRow {
    const { ledger } = this;
    const turnId = textOrNull(doc, "turnId");
    const turn = turnId === null ? null : (ledger.turns.get(turnId) ?? null);
    const group = this.#groupOf(text(doc, "groupId"));
    const row = outboundRow(doc, { conversation, turn, group });
    const { id } = row.message;
    insertBy(group, row, (part) => part.message.part);
    if ("open" in doc) insertBy(conversation.open, row, seqOf);
    for (const attempt of row.attempts) if (attempt.status === "unknown") conversation.unsettled.add(attempt);
    if (row.indexedAt !== null) ledger.dueMessages.add({ at: row.indexedAt, id }, row);
    if (doc.open === "queued") ledger.leaving.add({ at: row.message.createdAt, id }, row);
    return row;
  }

  #groupOf(groupId: string): OutboundRow[] {
    const group = this.#groups.get(groupId) ?? [];
    this.#groups.set(groupId, group);
    return group;
  }

  #conversationOf(doc: MongoDocument): ConversationRow {
    const row = this.ledger.conversations.get(text(doc, "conversationId"));
    if (row === undefined) throw new TypeError("A message or a turn was loaded without its conversation.");
    return row;
  }
}
