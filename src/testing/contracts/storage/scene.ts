import type { Conversation } from "../../../model/conversation.ts";
import type { OutboundMessage } from "../../../model/message.ts";
import type {
  ClaimedSend,
  ClaimedTurn,
  CommittedTurn,
  DueQuery,
  DueWork,
  Heartbeat,
  HeartbeatAnswer,
  InboundRecord,
  MessageStory,
  OutboundRecord,
  PartRecord,
  RecordedDelivery,
  RecordedInbound,
  RecordedOutbound,
  Resolution,
  SendClaim,
  SendResultRecord,
  StatusRecord,
  Storage,
  TurnClaim,
  TurnCommit,
  TurnRelease,
} from "../../../storage/storage.ts";
import { ok, present } from "./assert.ts";
import type { CorruptedRow, StorageUnderTest } from "./harness.ts";
import { snapshotOf } from "./snapshot.ts";
import {
  consentKeyOf,
  DEBOUNCE_MS,
  EXPIRY_MS,
  FREE,
  LEASE_MS,
  LINE,
  MAX_WAIT_MS,
  ORDER_WAIT_MS,
  PERSON,
  SCOPE,
  UNKNOWN_WINDOW_MS,
} from "./terms.ts";

/** A contract case that needs a scene to run. */
export interface StorageCase {
  readonly name: string;
  run(scene: Scene): Promise<void>;
}

/** A ledger with ready-made records, and short methods for each step of a message. */
export class Scene {
  readonly storage: Storage;
  readonly second: Storage;
  readonly advance: (ms: number) => Promise<void>;
  readonly #ledger: StorageUnderTest;
  readonly #toleranceMs: number;
  readonly #consentKeys = new Set<string>();
  #lastNumber = 0;

  constructor(ledger: StorageUnderTest, second: Storage, toleranceMs: number) {
    this.#ledger = ledger;
    this.storage = ledger.storage;
    this.second = second;
    this.advance = (ms) => ledger.advance(ms);
    this.#toleranceMs = toleranceMs;
  }

  /** Makes a row unreadable. */
  corrupt(table: string, id: string): Promise<CorruptedRow> {
    return present(this.#ledger.corrupt?.({ table, id }), "the harness's way to break a row");
  }

  /** A new id. */
  id(prefix: string): string {
    this.#lastNumber += 1;
    return `${prefix}${this.#lastNumber}`;
  }

  /** Throws unless a duration is as expected. The difference may be up to the harness's `toleranceMs`. */
  near(actual: number | null, expectedMs: number, what: string): void {
    const offMs = actual === null ? Number.POSITIVE_INFINITY : Math.abs(actual - expectedMs);
    ok(offMs <= this.#toleranceMs, `${what}: expected ${expectedMs} ms, got ${actual}`);
  }

  text(overrides: Partial<InboundRecord> = {}): InboundRecord {
    const participant = overrides.participant ?? PERSON;
    const consentKey = consentKeyOf(participant);
    this.#consentKeys.add(overrides.consentKey ?? consentKey);
    const messageId = this.id("m");
    return {
      key: `account:${messageId}`,
      messageId,
      conversationId: this.id("c"),
      scope: SCOPE,
      line: LINE,
      sender: LINE,
      participant,
      consentKey,
      origin: "webhook",
      providerMessageId: `SM-in-${messageId}`,
      body: "Hello!",
      media: [],
      occurredAt: null,
      needsAnswer: true,
      debounceMs: DEBOUNCE_MS,
      maxWaitMs: MAX_WAIT_MS,
      consent: null,
      autoReply: null,
      ...overrides,
    };
  }

  stop(overrides: Partial<InboundRecord> = {}): InboundRecord {
    return this.text({
      body: "STOP",
      needsAnswer: false,
      consent: { state: "opted-out", source: "word" },
      ...overrides,
    });
  }

  start(overrides: Partial<InboundRecord> = {}): InboundRecord {
    return this.text({
      body: "START",
      needsAnswer: false,
      consent: { state: "opted-in", source: "word" },
      ...overrides,
    });
  }

  part(id: string, body = "Your table is ready."): PartRecord {
    return { id, body, media: [], encoding: "GSM-7", segments: 1 };
  }

  parts(count: number, prefix: string = this.id("o")): PartRecord[] {
    return Array.from({ length: count }, (_, index) => this.part(`${prefix}-${index + 1}`, `Part ${index + 1}.`));
  }

  post(overrides: Partial<OutboundRecord> = {}): OutboundRecord {
    const [participant, groupId] = [overrides.participant ?? PERSON, this.id("o")];
    return {
      key: `key:${groupId}`,
      groupId,
      conversationId: this.id("c"),
      scope: SCOPE,
      line: LINE,
      sender: LINE,
      participant,
      consentKey: consentKeyOf(participant),
      origin: "api",
      content: "digest",
      parts: this.parts(1, groupId),
      expiryMs: EXPIRY_MS,
      ...overrides,
    };
  }

  texted(overrides: Partial<InboundRecord> = {}): Promise<RecordedInbound> {
    return this.storage.recordInbound(this.text(overrides));
  }

  posted(overrides: Partial<OutboundRecord> = {}): Promise<RecordedOutbound> {
    return this.storage.recordOutbound(this.post(overrides));
  }

  /** Records a `send()` with `count` parts, and returns the parts. */
  async waitingMessages(count: number, overrides: Partial<OutboundRecord> = {}): Promise<readonly OutboundMessage[]> {
    return (await this.posted({ parts: this.parts(count), ...overrides })).messages;
  }

  /** Records one text to send, and returns its id. */
  async waiting(overrides: Partial<OutboundRecord> = {}): Promise<string> {
    const [message] = await this.waitingMessages(1, overrides);
    return present(message, "the part of a send()").id;
  }

  /** Waits for the debounce and claims a turn. */
  async claimed(workerId = "w1"): Promise<ClaimedTurn> {
    await this.advance(DEBOUNCE_MS);
    return present(await this.claim(workerId), "a turn to claim");
  }

  /** The work that is due for a worker. */
  due(limit: number, { scope = SCOPE, workerId = "w1" }: Partial<DueQuery> = {}): Promise<DueWork> {
    return this.storage.due({ scope, workerId, limit });
  }

  claim(workerId = "w1"): Promise<ClaimedTurn | null> {
    return claimOne(this.storage, { scope: SCOPE, callId: this.id("call"), workerId, leaseMs: LEASE_MS });
  }

  commitOf(claimed: ClaimedTurn, overrides: Partial<TurnCommit> = {}): TurnCommit {
    return {
      callId: this.id("call"),
      workerId: "w1",
      conversationId: claimed.conversation.id,
      turnId: claimed.turn.id,
      fence: claimed.fence,
      throughSeq: claimed.turn.throughSeq,
      outcome: "replied",
      supersede: false,
      pause: false,
      parts: [this.part(`${claimed.turn.id}-1`)],
      expiryMs: EXPIRY_MS,
      ...overrides,
    };
  }

  commit(claimed: ClaimedTurn, overrides: Partial<TurnCommit> = {}): Promise<CommittedTurn> {
    return this.storage.commitTurn(this.commitOf(claimed, overrides));
  }

  releaseOf(claimed: ClaimedTurn, overrides: Partial<TurnRelease> = {}): TurnRelease {
    const { conversation, turn, fence } = claimed;
    const held = { workerId: "w1", conversationId: conversation.id, turnId: turn.id, fence };
    return { callId: this.id("call"), ...held, reason: "failed", retryInMs: 5_000, ...overrides };
  }

  release(claimed: ClaimedTurn, overrides: Partial<TurnRelease> = {}): Promise<boolean> {
    return this.storage.releaseTurn(this.releaseOf(claimed, overrides));
  }

  heartbeat(overrides: Partial<Heartbeat> = {}): Promise<HeartbeatAnswer> {
    const times = { scope: SCOPE, leaseMs: LEASE_MS, lookInMs: UNKNOWN_WINDOW_MS };
    return this.storage.heartbeat({ callId: this.id("call"), workerId: "w1", ...times, ...overrides });
  }

  sendClaim(outboundId: string, overrides: Partial<SendClaim> = {}): SendClaim {
    const times = { scope: SCOPE, leaseMs: LEASE_MS, orderWaitMs: ORDER_WAIT_MS };
    return { callId: this.id("call"), workerId: "w1", outboundId, conditions: FREE, ...times, ...overrides };
  }

  claimSend(outboundId: string, overrides: Partial<SendClaim> = {}): Promise<ClaimedSend> {
    return this.storage.claimSend(this.sendClaim(outboundId, overrides));
  }

  /** Claims a message for sending, which must succeed. Returns the number of the attempt. */
  async sending(outboundId: string, overrides: Partial<SendClaim> = {}): Promise<number> {
    const answer = await this.claimSend(outboundId, overrides);
    ok(answer.outcome === "claimed", `claimSend: expected claimed, got ${JSON.stringify(answer)}`);
    return answer.attempt;
  }

  sendResult(outboundId: string, attempt: number, result: SendResultRecord): Promise<RecordedDelivery> {
    return this.storage.recordSend({ callId: this.id("call"), outboundId, attempt, result });
  }

  accept(
    outboundId: string,
    attempt = 1,
    providerMessageId: string = `SM-${outboundId}-${attempt}`,
  ): Promise<RecordedDelivery> {
    return this.sendResult(outboundId, attempt, { kind: "accepted", providerMessageId, status: "accepted" });
  }

  refuse(
    outboundId: string,
    next: "retry" | "fail" | "opt-out",
    { attempt = 1, retryInMs = 0 }: { readonly attempt?: number; readonly retryInMs?: number } = {},
  ): Promise<RecordedDelivery> {
    const error = { code: 21610, reason: "The provider refused it." };
    return this.sendResult(outboundId, attempt, { kind: "refused", next, retryInMs, error });
  }

  lose(outboundId: string, attempt = 1): Promise<RecordedDelivery> {
    const error = { code: null, reason: "The answer was lost." };
    return this.sendResult(outboundId, attempt, { kind: "unknown", lookInMs: UNKNOWN_WINDOW_MS, error });
  }

  resolutionOf(outboundId: string, decision: Resolution["decision"], overrides: Partial<Resolution> = {}): Resolution {
    const about = { attempts: null, from: ["unknown"], reason: "Not known.", expiryMs: EXPIRY_MS } as const;
    return { callId: this.id("call"), outboundId, decision, ...about, ...overrides };
  }

  resolve(
    outboundId: string,
    decision: Resolution["decision"],
    overrides: Partial<Resolution> = {},
  ): Promise<RecordedDelivery> {
    return this.storage.resolve(this.resolutionOf(outboundId, decision, overrides));
  }

  /** Claims a text for sending, and records that the provider accepted it. */
  async sent(outboundId: string): Promise<RecordedDelivery> {
    return this.accept(outboundId, await this.sending(outboundId));
  }

  callbackOf(outboundId: string, status: StatusRecord["status"], overrides: Partial<StatusRecord> = {}): StatusRecord {
    const attempt = overrides.attempt ?? 1;
    const found = { callId: this.id("call"), outboundId, attempt, providerMessageId: `SM-${outboundId}-${attempt}` };
    return { ...found, status, rawStatus: status, error: null, optOut: false, ...overrides };
  }

  callback(
    outboundId: string,
    status: StatusRecord["status"],
    overrides: Partial<StatusRecord> = {},
  ): Promise<RecordedDelivery> {
    return this.storage.recordStatus(this.callbackOf(outboundId, status, overrides));
  }

  pause(
    conversationId: string,
    change: { readonly paused: boolean; readonly skipUnanswered?: boolean },
  ): Promise<Conversation | null> {
    return this.storage.setPaused({ callId: this.id("call"), conversationId, skipUnanswered: false, ...change });
  }

  async storyOf(messageId: string): Promise<MessageStory> {
    return present(await this.storage.story(messageId), `the story of ${messageId}`);
  }

  /** An outbound message as it is now. */
  async outbound(id: string): Promise<OutboundMessage> {
    const { message } = await this.storyOf(id);
    ok(message.direction === "outbound", `${id} is not a text of ours`);
    return message;
  }

  /** The statuses of messages, in the order asked. */
  async statuses(ids: readonly string[]): Promise<string[]> {
    return Promise.all(ids.map(async (id) => (await this.outbound(id)).status));
  }

  /** The ids of the messages that are due now. */
  async dueIds(): Promise<string[]> {
    return (await this.due(1_000)).messages.map(({ message }) => message.id);
  }

  /** Everything that a caller can read from the ledger, without values that change as time passes. */
  snapshot(): Promise<unknown> {
    return snapshotOf(this.storage, this.#consentKeys);
  }
}

/** Claims the turn that has been due longest; `null` if none is due. */
export async function claimOne(storage: Storage, claim: Omit<TurnClaim, "limit">): Promise<ClaimedTurn | null> {
  const [claimed = null] = await storage.claimTurns({ ...claim, limit: 1 });
  return claimed;
}
