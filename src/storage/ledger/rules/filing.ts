import type { OutboundMessage } from "../../../model/message.ts";
import { participantKeyOf } from "../../../model/person-address.ts";
import type { InboundRecord, OutboundRecord, PartRecord } from "../../storage.ts";
import type { Inbound, Outbound } from "../directions.ts";
import type { Conversation, WorkingSet } from "../working-set.ts";
import { isAhead } from "./clock.ts";
import { nextPosition } from "./order.ts";

/*
 * Creates conversations and messages.
 */

type Address = Pick<
  InboundRecord | OutboundRecord,
  "conversationId" | "scope" | "line" | "sender" | "participant" | "consentKey" | "consents"
>;

/**
 * The conversation between a line and a person, in either spelling of the person's number. Creates it if there is none.
 * Sets its consent key and scope to those of the call.
 */
export function findOrMakeConversation(set: WorkingSet, record: Address): Conversation {
  const { conversationId: id, scope, line, sender, participant } = record;
  const consentKey = record.consents?.person ?? record.consentKey;
  const participantKey = participantKeyOf(participant);
  const known = set.conversationAt(line, participantKey);
  if (known !== undefined) {
    known.consentKey = consentKey;
    known.scope = scope;
    return known;
  }
  return set.addConversation({
    id,
    scope,
    line,
    participantKey,
    participant,
    participantSeenAt: null,
    sender,
    consentKey,
    paused: false,
    seq: 0,
    inboundSeq: 0,
    answeredSeq: 0,
    unansweredSeq: 0,
    unansweredSince: null,
    dueAt: null,
    backoffUntil: 0,
    leaseWorker: null,
    setAsideBy: null,
    writtenAt: set.now,
    fence: 0,
    createdAt: set.now,
    updatedAt: set.now,
    version: 0,
  });
}

/**
 * Stores the spelling of the person's address that the provider showed last. Messages are sent to this spelling. A text
 * typed in the app does not show the provider's spelling. A message that was found late changes nothing if it is older
 * than the message that showed the stored spelling.
 */
export function seeParticipant(
  set: WorkingSet,
  conversation: Conversation,
  { origin, participant, occurredAt }: Pick<InboundRecord, "origin" | "participant" | "occurredAt">,
): void {
  if (origin !== "webhook") return;
  const seenAt = Math.min(occurredAt ?? set.now, set.now);
  const before = conversation.participantSeenAt;
  if (before !== null && !isAhead(before, set.now) && seenAt < Math.min(before, set.now)) return;
  conversation.participant = participant;
  conversation.participantSeenAt = seenAt;
}

const NOT_OUTBOUND = {
  status: null,
  error: null,
  groupId: null,
  part: null,
  parts: null,
  turnId: null,
  attempts: null,
  providerMessageIds: null,
  encoding: null,
  segments: null,
  expiresAt: null,
  notBefore: null,
  orderUntil: null,
} as const;

const NOT_UNKNOWN = { unknownSince: null, settleAt: null, evidenceSince: null } as const;
const NOT_RESERVED = { reservedKey: null, reservedAt: null, reservedEpoch: null } as const;
const NOT_INBOUND = { providerMessageId: null, occurredAt: null, needsAnswer: null, autoReplyId: null } as const;

/** Creates an inbound message at the conversation's next position. */
export function fileInbound(
  set: WorkingSet,
  conversation: Conversation,
  record: InboundRecord,
  needsAnswer: boolean,
): Inbound {
  const seq = nextPosition(conversation);
  conversation.inboundSeq = seq;
  conversation.updatedAt = set.now;
  return set.addInbound({
    ...NOT_OUTBOUND,
    ...NOT_UNKNOWN,
    ...NOT_RESERVED,
    id: record.messageId,
    conversationId: conversation.id,
    seq,
    changedSeq: seq,
    origin: record.origin,
    sender: record.sender,
    participant: record.participant,
    body: record.body,
    media: record.media.map((each) => ({ ...each })),
    createdAt: set.now,
    key: record.key,
    providerMessageId: record.providerMessageId,
    occurredAt: record.occurredAt ?? set.now,
    needsAnswer,
    autoReplyId: null,
    dueAt: null,
    writtenAt: set.now,
    scope: null,
    setAsideBy: null,
  });
}

type Sending = Pick<OutboundMessage, "origin" | "status" | "attempts" | "groupId" | "part" | "parts" | "turnId"> & {
  readonly key: string | null;
  readonly sender: string;
  readonly expiresAt: number;
  /** @default the conversation's `participant` */
  readonly participant?: string;
};

/** Creates one part of an outbound message at the conversation's next position. */
export function fileOutbound(
  set: WorkingSet,
  conversation: Conversation,
  { id, body, media, encoding, segments }: PartRecord,
  sending: Sending,
): Outbound {
  const seq = nextPosition(conversation);
  conversation.updatedAt = set.now;
  return set.addOutbound({
    ...NOT_INBOUND,
    ...NOT_UNKNOWN,
    ...NOT_RESERVED,
    ...sending,
    id,
    conversationId: conversation.id,
    seq,
    changedSeq: seq,
    participant: sending.participant ?? conversation.participant,
    body,
    media: media.map((each) => ({ ...each })),
    createdAt: set.now,
    error: null,
    providerMessageIds: [],
    encoding,
    segments,
    notBefore: set.now,
    orderUntil: 0,
    dueAt: null,
    writtenAt: set.now,
    scope: conversation.scope,
    setAsideBy: conversation.setAsideBy,
  });
}

interface NewGroup {
  readonly key: string | null;
  readonly groupId: string;
  readonly origin: Exclude<OutboundMessage["origin"], "auto-reply">;
  readonly sender: string;
  readonly turnId: string | null;
  readonly parts: readonly PartRecord[];
  readonly expiryMs: number;
}

/** Creates the parts of one outbound message, in `waiting`. */
export function fileGroup(set: WorkingSet, conversation: Conversation, group: NewGroup): Outbound[] {
  const { key, groupId, origin, sender, turnId, parts, expiryMs } = group;
  return parts.map((part, index) =>
    fileOutbound(set, conversation, part, {
      key,
      sender,
      origin,
      status: "waiting",
      attempts: 0,
      groupId,
      part: index + 1,
      parts: parts.length,
      turnId,
      expiresAt: set.now + expiryMs,
    }),
  );
}
