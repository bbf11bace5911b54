import { describe, expect, it } from "vitest";
import type { Conversation } from "../../src/model/conversation.ts";
import type { InboundMessage, Message, OutboundMessage, OutboundOrigin } from "../../src/model/message.ts";
import { type LoopGuardOptions, loopGuard } from "../../src/policy/loop-guard.ts";
import type { InboundSnapshot } from "../../src/policy/policy.ts";

const US = "+15703251809";
const PERSON = "+12345678900";

const conversation: Conversation = {
  id: "c1",
  line: US,
  sender: US,
  participant: PERSON,
  paused: false,
  seq: 0,
  inboundSeq: 0,
  answeredSeq: 0,
  createdAt: 0,
  updatedAt: 0,
};

const base = { id: "m", conversationId: "c1", seq: 1, changedSeq: 1, media: [] };

function heard(body: string, createdAt = 0): InboundMessage {
  const from = { direction: "inbound", origin: "webhook", from: PERSON, to: US } as const;
  return { ...base, ...from, body, createdAt, providerMessageId: null, needsAnswer: true, occurredAt: createdAt };
}

function answered(origin: OutboundOrigin = "ai", more: Partial<OutboundMessage> = {}): OutboundMessage {
  const parts = { groupId: "g", part: 1, parts: 1, turnId: null, attempts: 1, providerMessageIds: [], segments: 1 };
  const from = { direction: "outbound", origin, from: US, to: PERSON, encoding: "GSM-7", error: null } as const;
  return { ...base, ...parts, ...from, body: "Sure.", createdAt: 0, status: "sent", ...more };
}

/** Each text, and after each but the last a reply. */
function dialogue(texts: readonly string[], reply: Message = answered()): Message[] {
  return texts.flatMap((text, index) => (index === 0 ? [heard(text)] : [reply, heard(text)]));
}

function silenced(history: readonly Message[], options?: LoopGuardOptions): boolean {
  return loopGuard(options).turn?.({ conversation, history, pairKey: "p1" })?.silence ?? false;
}

const times = (count: number, text: (index: number) => string) => Array.from({ length: count }, (_, i) => text(i));

function judge(from: string, more: Partial<InboundSnapshot> = {}) {
  const text: InboundSnapshot = {
    origin: "webhook",
    from,
    to: US,
    line: US,
    body: "Hi",
    media: [],
    optOut: null,
    fromOwnSender: false,
    ...more,
  };
  return loopGuard().inbound?.(text);
}

describe("loopGuard on texts that come in", () => {
  it("does not answer a number of our own", () => {
    expect(judge(US, { fromOwnSender: true })).toEqual({
      answer: false,
      reason: expect.stringContaining("sender of this service"),
    });
  });

  it.each(["22395", "384387", "266696687", "AMAZON", "Twilio Inc", ""])("does not answer %j, a machine", (from) => {
    expect(judge(from)).toMatchObject({ answer: false });
  });

  it.each([PERSON, "+491701234567", "whatsapp:+12345678900", "rcs:agent"])("has nothing against %s", (from) => {
    expect(judge(from)).toBeNull();
  });
});

const ticket = (index: number) => `Ticket ${1_000 + index} was received. We answer within 24 hours.`;

describe("loopGuard on turns", () => {
  const away = "Thank you for your message. I am out of office until Monday.";

  it("falls silent at the fourth near-identical text, each after a reply", () => {
    expect(silenced(dialogue(times(3, () => away)))).toBe(false);
    expect(silenced(dialogue(times(4, () => away)))).toBe(true);
    const varied = [away, away.toUpperCase(), `  ${away}!! `, away.replace("Thank you", "Thank  you")];
    expect(silenced(dialogue(varied))).toBe(true);
  });

  it("sees through a loop of two texts in turns, and through our auto-reply", () => {
    const other = "Your request is important to us, please hold the line.";
    expect(silenced(dialogue(times(7, (i) => (i % 2 === 0 ? away : other))))).toBe(true);
    expect(
      silenced(
        dialogue(
          times(4, () => away),
          answered("auto-reply"),
        ),
      ),
    ).toBe(true);
  });

  it("counts texts that differ in their numbers alone by half", () => {
    expect(silenced(dialogue(times(6, ticket)))).toBe(false);
    expect(silenced(dialogue(times(7, ticket)))).toBe(true);
    expect(silenced(dialogue(times(4, (i) => `Do you have a table for two at ${i + 6} pm?`)))).toBe(false);
  });

  it.each(["ok", "Yes please", "yes, that's fine", "👍"])("lets people repeat %j", (text) => {
    expect(silenced(dialogue(times(10, () => text)))).toBe(false);
  });

  it("counts a long text without spaces, which is no short answer", () => {
    expect(silenced(dialogue(times(4, () => "感谢您的来信我目前不在办公室将于下周一回复您的邮件谢谢")))).toBe(true);
  });

  it("lets people ask for different things", () => {
    const asked = [
      "Do you have a table tonight?",
      "And a table tomorrow at noon?",
      "Is there parking close to the place?",
      "Great, a table for four tomorrow then",
      "Can my dog come along with us?",
    ];
    expect(silenced(dialogue(asked))).toBe(false);
  });

  it("does not blame a person who got no answer", () => {
    expect(silenced(times(6, () => away).map((text) => heard(text)))).toBe(false);
    expect(
      silenced(
        dialogue(
          times(6, () => away),
          answered("operator"),
        ),
      ),
    ).toBe(false);
    expect(
      silenced(
        dialogue(
          times(6, () => away),
          answered("ai", { status: "cancelled" }),
        ),
      ),
    ).toBe(false);
  });

  it("counts a burst of the same text once", () => {
    const [first, second] = [times(3, () => away), times(3, () => away)].map((texts) =>
      texts.map((text) => heard(text)),
    );
    expect(silenced([...(first ?? []), answered(), ...(second ?? [])])).toBe(false);
  });

  it("forgets what is older than its window", () => {
    const spread = times(4, () => away).flatMap((text, i) => [
      answered("ai", { createdAt: i * 240_000 }),
      heard(text, i * 240_000),
    ]);
    expect(silenced(spread)).toBe(false);
    expect(silenced(spread, { repeatWindowMs: 720_000 })).toBe(true);
  });

  it("judges the newest text, not what was said before", () => {
    expect(silenced([...dialogue(times(6, () => away)), answered(), heard("I am back, can I still book?")])).toBe(
      false,
    );
  });

  it("is as strict as its options say", () => {
    expect(silenced(dialogue(times(2, () => away)), { repeats: 2 })).toBe(true);
    const close = [away, away.replace("Monday", "Tuesday"), away.replace("Monday", "Friday"), away];
    expect(silenced(dialogue(close), { similarity: 0.8 })).toBe(true);
    expect(silenced(dialogue(close), { similarity: 1 })).toBe(false);
  });
});

describe("loopGuard on sends", () => {
  const snapshot = { pairKey: "p1", conversation, message: null };

  it.each(["ai", "auto-reply"] as const)(
    "counts messages of origin %s per pair, and cancels what is too much",
    (origin) => {
      expect(loopGuard().send?.({ ...snapshot, origin })).toEqual({
        counters: [
          { key: `loop:${origin}:120000:p1`, windowMs: 120_000, max: 12, full: "cancel", reason: expect.any(String) },
          { key: `loop:${origin}:600000:p1`, windowMs: 600_000, max: 24, full: "cancel", reason: expect.any(String) },
          {
            key: `loop:${origin}:3600000:p1`,
            windowMs: 3_600_000,
            max: 45,
            full: "cancel",
            reason: expect.any(String),
          },
          {
            key: `loop:${origin}:86400000:p1`,
            windowMs: 86_400_000,
            max: 150,
            full: "cancel",
            reason: expect.any(String),
          },
        ],
      });
    },
  );

  it("counts an answer once, by its first part", () => {
    const message = answered("ai", { part: 2, parts: 20 });
    expect(loopGuard().send?.({ ...snapshot, origin: "ai", message })).toBeNull();
    const first = answered("ai", { part: 1, parts: 20 });
    expect(loopGuard().send?.({ ...snapshot, origin: "ai", message: first })?.counters).toHaveLength(4);
  });

  it("counts answers that still wait before the AI is asked", () => {
    const history = [answered("ai", { status: "waiting", attempts: 0 }), heard("And tomorrow?")];
    const verdict = loopGuard().turn?.({ conversation, history, pairKey: "p1" });
    expect(verdict?.counters?.map(({ max }) => max)).toEqual([11, 23, 44, 149]);
  });

  it("stays below the provider's 30 even where two windows meet", () => {
    const burst = loopGuard().send?.({ ...snapshot, origin: "ai" })?.counters?.[0];
    expect((burst?.max ?? 99) * 2).toBeLessThan(30);
  });

  it.each(["operator", "api"] as const)("does not stop what comes from origin %s", (origin) => {
    expect(loopGuard().send?.({ ...snapshot, origin })).toBeNull();
  });

  it.each<[string, LoopGuardOptions]>([
    ["repeats", { repeats: 1 }],
    ["repeats", { repeats: 2.5 }],
    ["repeatWindowMs", { repeatWindowMs: 0 }],
    ["repeatWindowMs", { repeatWindowMs: Number.NaN }],
    ["similarity", { similarity: 0 }],
    ["similarity", { similarity: 1.1 }],
    ["limits", { limits: [] }],
    ["limits[0].max", { limits: [{ max: 0, windowMs: 1_000 }] }],
    ["limits[0].windowMs", { limits: [{ max: 1, windowMs: Number.POSITIVE_INFINITY }] }],
    [
      "limits",
      {
        limits: [
          { max: 1, windowMs: 1_000 },
          { max: 2, windowMs: 1_000 },
        ],
      },
    ],
  ])("refuses a wrong %s: %j", (path, options) => {
    expect(() => loopGuard(options)).toThrowError(
      expect.objectContaining({ code: "invalid_options", message: expect.stringContaining(`options.${path}: give `) }),
    );
  });
});
