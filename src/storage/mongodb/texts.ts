import { keepable } from "../sql/statement.ts";
import type { InboundRecord, OutboundRecord, RecordedInbound, RecordedOutbound } from "../storage.ts";
import { text } from "./fields.ts";
import type { Ledger } from "./judgement/ledger.ts";
import { recordInbound as judgeInbound, recordOutbound as judgeOutbound } from "./judgement/texts.ts";
import { loadGroup, loadHead, loadOpenTurn, loadStoppable } from "./loads.ts";
import { lockAddress, lockConsent, lockConversations, lockCounters, lockPace } from "./locks.ts";
import type { Store } from "./store.ts";
import { transact } from "./transaction.ts";
import { WorkingSet } from "./working-set.ts";
import { pictureOf, sendKey, textKey, writeChanges } from "./writes.ts";

/** See {@link Storage.recordInbound}. */
export function recordInbound(store: Store, record: InboundRecord): Promise<RecordedInbound> {
  const { key, messageId, carrierId, autoReply } = record;
  for (const id of [key, messageId, carrierId ?? "", autoReply?.id ?? ""]) keepable(id);
  return recordUnderKey(store, record, {
    key: textKey(key),
    load: loadForInbound,
    judge: judgeInbound,
    isRecorded: ({ outcome }) => outcome === "recorded",
    async loadKnown(set, known) {
      if (known === null) set.ledger.inboundByKey.set(key, "erased");
      else await loadKnownText(set, key, known);
    },
  });
}

async function loadForInbound(set: WorkingSet, record: InboundRecord): Promise<void> {
  const { consent, consentKey, autoReply } = record;
  if (autoReply !== null) {
    const { counters, pace } = autoReply.conditions;
    await lockCounters(
      set,
      counters.map((counter) => keepable(counter.key)),
    );
    if (pace !== null) await lockPace(set, keepable(pace.key));
  }
  if (consent?.state !== "opted-out") return;
  const own = set.ledger.conversations.values().next().value;
  if (own !== undefined) await loadOpenTurn(set, own);
  await loadOptOut(set, consentKey);
}

/** Everything that an opt-out stops, in all conversations under a consent. */
export async function loadOptOut(set: WorkingSet, consentKey: string): Promise<void> {
  await lockConversations(set, { consentKey });
  await loadStoppable(set, consentKey);
}

async function loadKnownText(set: WorkingSet, key: string, messageId: string): Promise<void> {
  const docs = await set.find("messages", { _id: messageId });
  for (const doc of docs) {
    const conversations = await set.find("conversations", { _id: text(doc, "conversationId") });
    for (const conversation of conversations) set.addConversation(conversation);
    if (typeof doc.autoReplyId === "string") await loadGroup(set, doc.autoReplyId);
  }
  const [row] = set.addMessages(docs);
  if (row?.direction === "inbound") set.ledger.inboundByKey.set(key, row);
}

/** See {@link Storage.recordOutbound}. */
export function recordOutbound(store: Store, record: OutboundRecord): Promise<RecordedOutbound> {
  const { key, groupId, parts } = record;
  for (const id of [key, groupId, ...parts.map((part) => part.id)]) keepable(id);
  return recordUnderKey(store, record, {
    key: sendKey(key),
    judge: judgeOutbound,
    isRecorded: ({ outcome }) => outcome === "recorded",
    async load(set) {
      const own = set.ledger.conversations.values().next().value;
      if (own !== undefined) await loadHead(set, own);
    },
    async loadKnown(set, known) {
      const docs = known === null ? [] : await set.find("messages", { groupId: known }, { sort: { part: 1 } });
      for (const doc of docs.slice(0, 1)) {
        const owner = await set.find("conversations", { _id: text(doc, "conversationId") });
        for (const conversation of owner) set.addConversation(conversation);
      }
      const rows = set.addMessages(docs).flatMap((row) => (row.direction === "outbound" ? [row] : []));
      set.ledger.groupByKey.set(key, known === null ? "erased" : rows);
    },
  });
}

type Addressed = Pick<InboundRecord, "line" | "participant" | "sender" | "conversationId" | "consentKey">;

interface Keyed<C, R> {
  readonly key: string;
  load(set: WorkingSet, record: C): Promise<void>;
  /** Loads what was recorded under the key first: its id, `null` where it was erased. */
  loadKnown(set: WorkingSet, id: string | null): Promise<void>;
  judge(ledger: Ledger, record: C): R;
  isRecorded(answer: R): boolean;
}

/** A transaction on the conversation of an address, made where there is none, that records something under a key. */
function recordUnderKey<C extends Addressed, R>(store: Store, record: C, how: Keyed<C, R>): Promise<R> {
  const { line, participant, sender, conversationId, consentKey } = record;
  for (const id of [line, participant, sender, conversationId, consentKey]) keepable(id);
  const callId = crypto.randomUUID();
  let ours: R | null = null;
  return transact(store, "outside", async (session) => {
    const set = new WorkingSet(store, session, callId);
    await lockAddress(set, conversationId, line, participant);
    await lockConsent(set, consentKey);
    const [known] = await set.find("keys", { _id: how.key });
    // An earlier run of this call, whose commit went through although nobody heard of it.
    if (ours !== null && known?.by === callId) return { answer: ours, commits: false };
    if (known === undefined) await how.load(set, record);
    else
      await how.loadKnown(
        set,
        known.erased === true ? null : text(known, "messageId" in known ? "messageId" : "groupId"),
      );
    const before = pictureOf(set);
    const answer = how.judge(set.ledger, record);
    if (!how.isRecorded(answer)) return { answer, commits: false };
    await writeChanges(set, before);
    ours = answer;
    return { answer, commits: true };
  });
}
