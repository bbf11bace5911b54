import { describe, expect, it } from "vitest";
import type { Message } from "../../src/index.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { breathe, ledger, OTHER, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

/** Reads a feed in the background. */
function follow(feed: AsyncIterable<Message>): { seen: Message[]; done: Promise<void> } {
  const seen: Message[] = [];
  const done = (async () => {
    for await (const message of feed) seen.push(message);
  })();
  return { seen, done };
}

const said = (messages: readonly Message[]) =>
  messages.map((message) => (message.direction === "inbound" ? message.body : `${message.body} (${message.status})`));

describe("the feed of a conversation", () => {
  it("shows what was, what comes, and each step of a delivery", async () => {
    await using house = rig(NOW);
    const first = await house.type("one");
    const stop = new AbortController();
    const { seen, done } = follow(house.sms.events({ conversationId: first.conversationId, signal: stop.signal }));
    await breathe();
    expect(said(seen)).toEqual(["one"]);
    await house.sms.settled();
    await breathe();
    expect(said(seen).at(-1)).toBe("re: one (accepted)");
    stop.abort();
    await done;
  });

  it("resumes after a position without a gap and without a double, however long the gap", async () => {
    await using house = rig(NOW);
    const first = await house.type("start");
    await house.sms.settled();
    const position = Math.max(...(await house.history(first)).map(({ changedSeq }) => changedSeq));
    for (let index = 0; index < 130; index += 1) await house.type(`text ${index}`);
    const stop = new AbortController();
    const { seen, done } = follow(
      house.sms.events({ conversationId: first.conversationId, after: position, signal: stop.signal }),
    );
    await breathe();
    stop.abort();
    await done;
    expect(said(seen)).toEqual(Array.from({ length: 130 }, (_, index) => `text ${index}`));
    expect(seen.map(({ changedSeq }) => changedSeq)).toEqual(
      seen.map(({ changedSeq }) => changedSeq).toSorted((a, b) => a - b),
    );
  });

  it("finds what another process wrote", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    await using reader = rig({ ...NOW, clock, storage });
    await using writer = rig({ ...NOW, clock, storage });
    const first = await writer.type("one");
    const stop = new AbortController();
    const { seen, done } = follow(reader.sms.events({ conversationId: first.conversationId, signal: stop.signal }));
    await breathe();
    await writer.type("two");
    await clock.advance(1000);
    await breathe();
    expect(said(seen)).toEqual(["one", "two"]);
    stop.abort();
    await done;
  });

  it("is of one conversation only", async () => {
    await using house = rig(NOW);
    const mine = await house.type("mine");
    await house.type("theirs", OTHER);
    const stop = new AbortController();
    const { seen, done } = follow(house.sms.events({ conversationId: mine.conversationId, signal: stop.signal }));
    await breathe();
    stop.abort();
    await done;
    expect(said(seen)).toEqual(["mine"]);
  });
});

describe("the changes of a conversation", () => {
  it("come page by page after a position, and end", async () => {
    await using house = rig(NOW);
    const { conversationId, seq } = await house.type("one");
    await house.sms.settled();
    await house.type("two");
    expect(said(await house.sms.changes({ conversationId }))).toEqual(["one", "re: one (accepted)", "two"]);
    const [reply] = await house.sms.changes({ conversationId, after: seq, limit: 1 });
    expect(reply?.body).toBe("re: one");
    const rest = await house.sms.changes({ conversationId, after: reply?.changedSeq ?? 0 });
    expect(said(rest)).toEqual(["two"]);
    expect(await house.sms.changes({ conversationId, after: rest[0]?.changedSeq ?? 0 })).toEqual([]);
    await expect(house.sms.changes({ conversationId, after: 0.5 })).rejects.toMatchObject({ code: "invalid_options" });
    await expect(house.sms.changes({ conversationId, limit: 0 })).rejects.toMatchObject({ code: "invalid_options" });
  });
});

describe("explain", () => {
  it("shows a text's story without a number or a word of it", async () => {
    await using house = rig(NOW);
    const text = await house.text("a secret");
    await house.sms.settled();
    const story = await house.sms.explain(text.id);
    expect(story?.replies).toHaveLength(1);
    const shown = story?.steps.join("\n") ?? "";
    expect(shown).toContain(text.id.slice(1));
    expect(shown).not.toContain("secret");
    expect(shown).not.toContain("234567");
    expect(await house.sms.explain("absent")).toBeNull();
  });
});

describe("the log", () => {
  it("says what happened with masked numbers, and texts only at debug", async () => {
    await using house = rig(NOW);
    await house.type("a secret");
    await house.text("another secret");
    await house.sms.settled();
    expect(house.log).toEqual(
      expect.arrayContaining([
        "User message stored (simulated as incoming from +1234…00 to +1570…09)",
        "SMS received from +1234…00",
        "AI SMS sent via Twilio: SM1",
      ]),
    );
    expect(house.log.join("\n")).not.toMatch(/secret|2345678900/);
  });
});
