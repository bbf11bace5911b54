import { memory } from "../../src/storage/memory.ts";
import { type MongoDb, mongodb } from "../../src/storage/mongodb.ts";
import type { InboundRecord, PartRecord, SendConditions, Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { inboundRecord } from "./inbound-record.ts";

const LINE = "+15550100001";
export const PERSON = "+15550199001";
export const FREE: SendConditions = {
  consent: true,
  unpaused: true,
  delayMs: 0,
  cancel: null,
  counters: [{ key: "hourly", windowMs: 60_000, max: 50, charge: 1, full: "wait", reason: "Too many." }],
  rateLimit: { key: "line", costMs: 0, reason: "The sender is busy." },
};

export function textOf(id: string, overrides: Partial<InboundRecord> = {}): InboundRecord {
  return inboundRecord(id, { messageId: `m-${id}`, consentKey: `consent of ${PERSON}`, ...overrides });
}

export function part(id: string): PartRecord {
  return { id, body: "Your table is ready.", media: [], encoding: "GSM-7", segments: 1 };
}

type Call = (storage: Storage, advance: (ms: number) => Promise<void>) => Promise<unknown>;

/** Every method that writes, in a story that needs each of them once. */
export const STORY: readonly Call[] = [
  (s) => s.recordInbound(textOf("1", { autoReply: { ...part("a-1"), conditions: FREE } })),
  (s) => s.recordInbound(textOf("2")),
  (s) => claimOne(s, { scope: "default", callId: "1", workerId: "w1", leaseMs: 15_000 }),
  (s) =>
    s.releaseTurn({
      callId: "2",
      workerId: "w1",
      conversationId: "c-1",
      turnId: "tm-1",
      fence: 1,
      reason: "stopped",
      retryInMs: 0,
    }),
  (s) => claimOne(s, { scope: "default", callId: "3", workerId: "w1", leaseMs: 15_000 }),
  (s) =>
    s.commitTurn({
      callId: "4",
      workerId: "w1",
      conversationId: "c-1",
      turnId: "tm-1",
      fence: 2,
      throughSeq: 3,
      outcome: "fallback",
      supersede: true,
      pause: false,
      parts: [part("tm-1-1"), part("tm-1-2")],
      expiryMs: 600_000,
    }),
  (s) => s.requeueTurn({ callId: "5", turnId: "tm-1" }),
  (s) => s.setPaused({ callId: "6", conversationId: "c-1", paused: true, skipUnanswered: false }),
  (s) => s.setPaused({ callId: "7", conversationId: "c-1", paused: false, skipUnanswered: true }),
  (s) =>
    s.claimSend({
      scope: "default",
      callId: "8",
      workerId: "w1",
      leaseMs: 15_000,
      outboundId: "tm-1-1",
      orderWaitMs: 1_000,
      conditions: FREE,
    }),
  (s) =>
    s.recordSend({
      callId: "9",
      outboundId: "tm-1-1",
      attempt: 1,
      result: { kind: "accepted", providerMessageId: "SM-out", status: "accepted" },
    }),
  (s) =>
    s.recordStatus({
      callId: "10",
      outboundId: null,
      attempt: null,
      providerMessageId: "SM-out",
      status: "delivered",
      rawStatus: "delivered",
      error: null,
      optOut: false,
    }),
  (s) =>
    s.claimSend({
      scope: "default",
      callId: "11",
      workerId: "w2",
      leaseMs: 15_000,
      outboundId: "tm-1-2",
      orderWaitMs: 1_000,
      conditions: FREE,
    }),
  async (s, advance) => {
    await advance(15_001);
    return s.heartbeat({ scope: "default", callId: "12", workerId: "w1", leaseMs: 15_000, lookInMs: 1_000 });
  },
  (s) => s.competingAttempts({ outboundId: "tm-1-2", providerMessageIds: ["SM-out", "SM-other"] }),
  (s) => s.due({ scope: "default", workerId: "w1", limit: 10 }),
  (s) =>
    s.resolve({
      callId: "13",
      outboundId: "tm-1-2",
      attempts: 1,
      from: ["unknown"],
      decision: "resend",
      reason: "Not known.",
      expiryMs: 60_000,
    }),
  (s) => s.markUnknown({ scope: "default", callId: "14", limit: 10, lookInMs: 1_000 }),
  (s) =>
    s.recordOutbound({
      key: "order:1",
      groupId: "o-1",
      conversationId: "c-2",
      scope: "default",
      line: LINE,
      sender: LINE,
      participant: PERSON,
      consentKey: `consent of ${PERSON}`,
      origin: "api",
      content: "digest",
      parts: [part("o-1-1")],
      expiryMs: 60_000,
    }),
  (s) => s.recordInbound(textOf("3", { needsAnswer: false, consent: { state: "opted-out", source: "word" } })),
  (s) => s.story("tm-1-1"),
  (s) => s.story("m-1"),
  (s) => s.conversations({ limit: 10 }),
  (s) => s.conversations({ limit: 10, after: "1.c-1" }),
  (s) => s.messages({ conversationId: "c-1", after: 0, limit: 100 }),
  (s) => s.messages({ conversationId: "c-1", before: 100, limit: 100 }),
  (s) => s.changes({ conversationId: "c-1", after: 0, limit: 100 }),
  (s) => s.claimSweep({ callId: "15", workerId: "w1", sender: LINE, everyMs: 60_000, leaseMs: 15_000 }),
  (s) => s.commitSweep({ callId: "16", sender: LINE, fence: 1, watermark: 5_000 }),
  async (s, advance) => {
    await advance(3_600_000);
    return s.purge({ callId: "17", olderThanMs: 60_000, limit: 3 });
  },
  (s) => s.erase({ callId: "18", participant: PERSON, line: null }),
];

/** Plays the story on a database and on the reference, call by call. */
export async function play(
  db: MongoDb,
  between: (call: number) => void = () => {},
): Promise<readonly [unknown[], unknown[]]> {
  const clock = manualClock();
  const [storage, reference] = [mongodb(db, { clock }), memory({ clock })];
  const answers: [unknown[], unknown[]] = [[], []];
  for (const [at, call] of STORY.entries()) {
    between(at);
    answers[0].push(await call(storage, (ms) => clock.advance(ms)));
    // The clock of both has moved already.
    answers[1].push(await call(reference, async () => {}));
  }
  return answers;
}
