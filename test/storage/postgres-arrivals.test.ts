import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { memory } from "../../src/storage/memory.ts";
import type { InboundRecord, RecordedInbound, Storage } from "../../src/storage/storage.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";
import { text } from "./postgres-texts.ts";

let ledgers: PostgresLedgers;

beforeAll(async () => {
  ledgers = await postgresLedgers();
});

afterEach(() => ledgers.empty());

afterAll(() => ledgers.dispose());

/** Conversations in every state that a text can meet: unknown, known, waiting, backing off, paused, opted out. */
async function prepare(storage: Storage): Promise<void> {
  for (const person of [1, 2, 3, 4]) {
    await storage.recordInbound(text(`before${person}`, person, { conversationId: `c${person}` }));
  }
  await storage.setPaused({ callId: "pause", conversationId: "c1", paused: true, skipUnanswered: false });
  const stop = { needsAnswer: false, consent: { state: "opted-out", source: "word" } } as const;
  await storage.recordInbound(text("stop", 2, stop));
}

async function backOff(storage: Storage): Promise<void> {
  const turn = await claimOne(storage, { scope: "default", callId: "claim", workerId: "w", leaseMs: 60_000 });
  if (turn === null) throw new TypeError("nothing was due");
  const held = { workerId: "w", conversationId: turn.conversation.id, turnId: turn.turn.id, fence: turn.fence };
  await storage.releaseTurn({ callId: "release", ...held, reason: "failed", retryInMs: 9_000 });
}

/** Texts of six people, one of whom texts two lines; some of them twice, some known before. */
function arriving(seed: number): readonly InboundRecord[] {
  let state = seed;
  const upTo = (max: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
    return Math.floor((state / 2 ** 31) * (max + 1));
  };
  const texts: InboundRecord[] = [];
  for (let n = 0; n < 30; n += 1) {
    const person = 1 + upTo(5);
    const again = texts[upTo(n)];
    if (upTo(9) === 0 && again !== undefined) {
      texts.push({ ...again, messageId: `again${n}` });
      continue;
    }
    texts.push(
      text(`m${n}`, person, {
        conversationId: `new${n}`,
        sender: upTo(4) === 0 ? "+15550100009" : "+15550100001",
        needsAnswer: upTo(3) > 0,
        debounceMs: upTo(3_000),
        maxWaitMs: upTo(5_000),
        occurredAt: upTo(1) === 0 ? null : 1_000 + n,
        ...(person === 5 && upTo(1) === 0 ? { line: "+15550100002" } : {}),
        ...(upTo(12) === 0 ? { key: text(`before${person}`, person).key } : {}),
      }),
    );
  }
  return texts;
}

/** A repetition gets its conversation as the commit left it. */
function shown(recorded: RecordedInbound): unknown {
  return recorded.outcome === "repeated" ? { ...recorded, conversation: null } : recorded;
}

async function everything(storage: Storage): Promise<unknown> {
  const { conversations } = await storage.conversations({ limit: 100 });
  const messages = conversations.map(({ id }) => storage.messages({ conversationId: id, limit: 100, after: 0 }));
  return {
    conversations,
    due: await storage.due({ scope: "default", workerId: "w1", limit: 100 }),
    messages: await Promise.all(messages),
  };
}

describe("many texts in one commit", () => {
  it.each(Array.from({ length: 12 }, (_, n) => n + 1))("are what they are one by one (%i)", async (seed) => {
    const clock = manualClock();
    const reference = memory({ clock });
    const storage = ledgers.open({ clock });
    const both = [reference, storage];
    for (const one of both) await prepare(one);
    await clock.advance(3_000);
    for (const one of both) await backOff(one);
    const texts = arriving(seed);
    const expected: RecordedInbound[] = [];
    for (const one of texts) expected.push(await reference.recordInbound(one));
    const recorded = await Promise.all(texts.map(storage.recordInbound));
    expect(recorded.map(shown)).toEqual(expected.map(shown));
    expect(await everything(storage)).toEqual(await everything(reference));
    await clock.advance(60_000);
    expect(await everything(storage)).toEqual(await everything(reference));
  });
});
