import express from "express";
import { describe, expect, it } from "vitest";
import { toExpress } from "../../src/http/express.ts";
import {
  type Authorization,
  type ConversationEventsOptions,
  conversationEvents,
  type OverviewEventsPart,
  overviewEvents,
} from "../../src/http/sse.ts";
import { type Conversation, type Message, OwnlineError } from "../../src/index.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { OTHER, rig } from "../engine/rig.ts";
import { heard } from "./scene.ts";
import { serve } from "./serve.ts";

const URL_OF = "https://example.com/events";
const NOW = { burst: { quietMs: 0 } };
const allow = (): Authorization => "allow";

const ask = (headers: Record<string, string> = {}, query = "", init: RequestInit = {}) =>
  new Request(URL_OF + query, { headers, ...init });

/** What a browser's EventSource makes of a stream; comments are kept, to see them. */
interface Got {
  readonly id: string | null;
  readonly event: string | null;
  readonly data: unknown;
  readonly comment: boolean;
}

interface Source {
  /** The next pieces, in order. */
  next(count: number): Promise<Got[]>;
  ended(): Promise<boolean>;
  cancel(): Promise<void>;
}

function sourceOf(response: Response): Source {
  const reader = (response.body ?? new ReadableStream()).getReader();
  const decoder = new TextDecoder();
  let text = "";
  let over = false;
  const piece = async (): Promise<Got | null> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end !== -1) {
        const lines = text.slice(0, end).split("\n");
        text = text.slice(end + 2);
        const field = (name: string) =>
          lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
        if (field("retry") !== null) continue;
        const data = field("data");
        return {
          id: field("id"),
          event: field("event"),
          data: data === null ? null : JSON.parse(data),
          comment: lines.every((line) => line.startsWith(":")),
        };
      }
      if (over) return null;
      const { done, value } = await reader.read();
      if (done) over = true;
      else text += decoder.decode(value, { stream: true });
    }
  };
  return {
    async next(count) {
      const got: Got[] = [];
      while (got.length < count) {
        const one = await piece();
        if (one === null) break;
        got.push(one);
      }
      return got;
    },
    ended: async () => (await piece()) === null,
    cancel: () => reader.cancel(),
  };
}

const bodies = (got: readonly Got[]) =>
  got.map(({ data }) => (typeof data === "object" && data !== null && "body" in data ? data.body : data));

async function refusalOf(response: Response): Promise<unknown> {
  expect(response.headers.get("content-type")).toContain("application/json");
  const { error }: { error: { code: string } } = await response.json();
  return [response.status, error.code];
}

/** A feed by hand, which counts what was asked of it and notes its end. */
function fakeFeed(clock: ManualClock, count = Number.POSITIVE_INFINITY) {
  const self = {
    asked: 0,
    returned: false,
    fail: null as Error | null,
    conversation: async () => ({ seq: 1_000_000 }),
    async *events({ after = 0, signal }: { after?: number; signal?: AbortSignal }) {
      try {
        for (let seq = after + 1; seq <= count; seq += 1) {
          self.asked += 1;
          if (self.fail !== null) throw self.fail;
          yield { changedSeq: seq, body: `text ${seq}` } as Message;
        }
        await clock.sleep(2 ** 40, { signal: signal ?? new AbortController().signal });
      } finally {
        self.returned = true;
      }
    },
  };
  return self;
}

describe("the events of a conversation", () => {
  it("begin with its history, and go on with what comes, each step of a delivery included", async () => {
    await using house = rig(NOW);
    const { conversationId } = await house.type("one");
    const response = await conversationEvents(house.sms, ask(), { conversationId, authorize: allow });
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
    expect(response.headers.get("cache-control")).toContain("no-transform");
    const source = sourceOf(response);
    expect(await source.next(1)).toMatchObject([{ id: "1", event: "message", data: { body: "one", changedSeq: 1 } }]);
    const coming = source.next(1);
    await house.sms.settled();
    const [reply] = [...(await coming), ...(await source.next(1))].slice(-1);
    expect(reply).toMatchObject({ data: { body: "re: one", direction: "outbound" } });
    await source.cancel();
  });

  it("go on after a position without a gap and without a double, however long the gap", async () => {
    await using house = rig(NOW);
    const { conversationId } = await house.type("text 0");
    for (let at = 1; at < 250; at += 1) await house.type(`text ${at}`);
    const options = { conversationId, authorize: allow };
    const first = sourceOf(await conversationEvents(house.sms, ask(), options));
    const before = await first.next(7);
    await first.cancel();
    const position = before.at(-1)?.id ?? "";
    // The first URL is repeated by a browser; its header is the newer.
    const second = sourceOf(
      await conversationEvents(house.sms, ask({ "last-event-id": position }, "?after=1"), options),
    );
    const after = await second.next(243);
    await second.cancel();
    expect(bodies([...before, ...after])).toEqual(Array.from({ length: 250 }, (_, at) => `text ${at}`));
    const third = sourceOf(await conversationEvents(house.sms, ask({}, "?after=249"), options));
    expect(bodies(await third.next(1))).toEqual(["text 249"]);
    await third.cancel();
  });

  it("keep each text on one line, with any characters in it", async () => {
    await using house = rig(NOW);
    const body = "a\nb\r\n\nevent: forged\u2028\u2029 😀";
    const { conversationId } = await house.type(body);
    const source = sourceOf(await conversationEvents(house.sms, ask(), { conversationId, authorize: allow }));
    expect(bodies(await source.next(1))).toEqual([body]);
    await source.cancel();
  });

  it("send a comment where nothing happens, and begin the wait anew after each event", async () => {
    const clock = manualClock();
    const feed = fakeFeed(clock, 1);
    const options = { conversationId: "c", authorize: allow, clock };
    const source = sourceOf(await conversationEvents(feed, ask(), options));
    await source.next(1);
    for (let heartbeat = 0; heartbeat < 3; heartbeat += 1) {
      const coming = source.next(1);
      let came = false;
      void coming.then(() => {
        came = true;
      });
      await clock.advance(14_999);
      await new Promise((resolve) => setTimeout(resolve, 0));
      expect(came).toBe(false);
      await clock.advance(1);
      expect(await coming).toMatchObject([{ comment: true, id: null, event: null }]);
    }
    await source.cancel();
  });

  it("read no more from the ledger than the reader takes", async () => {
    const feed = fakeFeed(manualClock());
    const source = sourceOf(await conversationEvents(feed, ask(), { conversationId: "c", authorize: allow }));
    expect(feed.asked).toBe(0);
    await source.next(3);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(feed.asked).toBe(3);
    await source.cancel();
  });

  it.each(["the reader cancels", "the request is aborted"])("leave nothing behind when %s", async (how) => {
    const clock = manualClock();
    const feed = fakeFeed(clock, 1);
    const stop = new AbortController();
    const request = ask({}, "", { signal: stop.signal });
    const source = sourceOf(await conversationEvents(feed, request, { conversationId: "c", authorize: allow, clock }));
    await source.next(1);
    const waiting = source.next(1);
    await new Promise((resolve) => setTimeout(resolve, 0));
    if (how === "the reader cancels") await source.cancel();
    else stop.abort();
    expect(await waiting).toEqual([]);
    await expect.poll(() => feed.returned).toBe(true);
  });

  it("end where the ledger fails, and say why", async () => {
    const { lines, logger } = heard();
    const feed = fakeFeed(manualClock());
    const options = { conversationId: "c", authorize: allow, logger };
    const source = sourceOf(await conversationEvents(feed, ask(), options));
    await source.next(1);
    feed.fail = new OwnlineError("storage_unavailable", "the database is down", { retryable: true });
    expect(await source.ended()).toBe(true);
    expect(lines).toEqual([
      "error an event stream ended, and its reader will reconnect: storage_unavailable: the database is down",
    ]);
  });

  it.each<[string, Request, Partial<ConversationEventsOptions>, [number, string]]>([
    ["an unknown caller", ask(), { authorize: () => "unauthorized" }, [401, "unauthorized"]],
    ["a caller who may not", ask(), { authorize: async (): Promise<Authorization> => "forbidden" }, [403, "forbidden"]],
    ["a position that is not a number", ask({ "last-event-id": "12a" }), {}, [400, "wrong_position"]],
    ["a negative position", ask({}, "?after=-1"), {}, [400, "wrong_position"]],
    ["a position beyond the conversation", ask({ "last-event-id": "99" }), {}, [400, "wrong_position"]],
    ["an unknown conversation", ask(), { conversationId: "absent" }, [404, "not_found"]],
    ["another method", ask({}, "", { method: "POST" }), {}, [405, "method_not_allowed"]],
  ])("refuse %s with a clear answer", async (_, request, changes, expected) => {
    await using house = rig(NOW);
    const { conversationId } = await house.type("one");
    const options = { conversationId, authorize: allow, ...changes };
    expect(await refusalOf(await conversationEvents(house.sms, request, options))).toEqual(expected);
  });

  it("let in only callers whom authorize allowed in so many words, and read nothing for them", async () => {
    const { lines, logger } = heard();
    for (const said of [true, undefined, "ok"]) {
      let read = false;
      const sms = {
        ...fakeFeed(manualClock()),
        conversation: async () => {
          read = true;
          return { seq: 1 };
        },
      };
      const authorize = (() => said) as unknown as typeof allow;
      const response = await conversationEvents(sms, ask(), { conversationId: "c", authorize, logger });
      expect([response.status, read]).toEqual([403, false]);
    }
    const throws = (): Authorization => {
      throw new Error("a secret");
    };
    const response = await conversationEvents(fakeFeed(manualClock()), ask(), {
      conversationId: "c",
      authorize: throws,
      logger,
    });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain("secret");
    expect(lines).toContainEqual(
      expect.stringMatching(/^error an event stream was answered 500: .*options\.authorize/),
    );
  });

  it("answer 503 where the ledger cannot be reached", async () => {
    const { lines, logger } = heard();
    const down = () => Promise.reject(new OwnlineError("storage_unavailable", "the database is down"));
    const sms = { ...fakeFeed(manualClock()), conversation: down };
    const response = await conversationEvents(sms, ask(), { conversationId: "c", authorize: allow, logger });
    expect(response.headers.get("retry-after")).toBe("5");
    expect(await refusalOf(response)).toEqual([503, "storage_unavailable"]);
    expect(lines).toEqual(["error an event stream was answered 503: storage_unavailable: the database is down"]);
  });
});

describe("the events of a conversation over Express", () => {
  it("go on after a reconnect without a gap or a double, and are read no more once the client has gone", async () => {
    await using house = rig(NOW);
    const { conversationId } = await house.type("one");
    let open = 0;
    const sms = {
      conversation: house.sms.conversation,
      async *events(options: Parameters<typeof house.sms.events>[0]) {
        open += 1;
        try {
          yield* house.sms.events(options);
        } finally {
          open -= 1;
        }
      },
    };
    const app = express();
    app.use(express.json());
    app.get(
      "/events",
      toExpress({ fetch: (request) => conversationEvents(sms, request, { conversationId, authorize: allow }) }),
    );
    await using server = await serve(app);
    const first = sourceOf(await fetch(`${server.url}/events`));
    const before = await first.next(1);
    await house.type("two");
    before.push(...(await first.next(1)));
    expect(open).toBe(1);
    await first.cancel();
    // No event and no heartbeat comes: the connection's end alone ends the reading.
    await expect.poll(() => open).toBe(0);

    await house.type("three");
    const headers = { "last-event-id": before.at(-1)?.id ?? "" };
    const second = sourceOf(await fetch(`${server.url}/events?after=0`, { headers }));
    const after = await second.next(1);
    await house.type("four");
    after.push(...(await second.next(1)));
    await second.cancel();
    expect(bodies([...before, ...after])).toEqual(["one", "two", "three", "four"]);
    await expect.poll(() => open).toBe(0);
  });

  it("wait for a client that reads slowly", async () => {
    const clock = manualClock();
    const feed = fakeFeed(clock);
    const big = {
      conversation: feed.conversation,
      async *events(options: { after?: number; signal?: AbortSignal }) {
        for await (const message of feed.events(options)) yield { ...message, body: "x".repeat(65_536) };
      },
    };
    const app = express();
    app.get(
      "/events",
      toExpress({ fetch: (request) => conversationEvents(big, request, { conversationId: "c", authorize: allow }) }),
    );
    await using server = await serve(app);
    const { body } = await fetch(`${server.url}/events`);
    const reader = (body ?? new ReadableStream()).getReader();
    await reader.read();
    let last = -1;
    await expect
      .poll(
        () => {
          const stands = feed.asked === last;
          last = feed.asked;
          return stands;
        },
        { interval: 100 },
      )
      .toBe(true);
    expect(feed.asked).toBeLessThan(1000);
    await reader.cancel();
    await expect.poll(() => feed.returned).toBe(true);
  });
});

describe("the events of all conversations", () => {
  const position = (got: readonly Got[]) => got.filter(({ event }) => event !== null).map(({ data }) => data);

  it("show where each conversation is, then where one has come to, and nothing of a text", async () => {
    const clock = manualClock();
    await using house = rig({ ...NOW, clock });
    const mine = await house.type("mine");
    await clock.advance(1000);
    const theirs = await house.type("theirs", OTHER);
    const source = sourceOf(await overviewEvents(house.sms, ask(), { authorize: allow, clock }));
    expect(await source.next(3)).toMatchObject([
      { event: "conversation", data: { id: theirs.conversationId, seq: 1 } },
      { event: "conversation", data: { id: mine.conversationId, seq: 1 } },
      { event: null, id: String(theirs.createdAt) },
    ]);
    await clock.advance(1000);
    const coming = source.next(2);
    await new Promise((resolve) => setTimeout(resolve, 0));
    const next = await house.type("more");
    await clock.advance(2000);
    expect(await coming).toMatchObject([
      { data: { id: mine.conversationId, seq: next.seq } },
      { event: null, id: String(next.createdAt) },
    ]);
    await source.cancel();
  });

  it("give a reader that comes back everything since then, page by page", async () => {
    const clock = manualClock();
    await using house = rig({ ...NOW, clock });
    const person = (at: number) => `+1234567${String(1000 + at)}`;
    await house.type("old", person(0));
    await clock.advance(60_000);
    const { createdAt } = await house.type("known", person(1));
    await clock.advance(60_000);
    for (let at = 2; at < 12; at += 1) {
      await house.type("new", person(at));
      await clock.advance(1000);
    }
    const options = { authorize: allow, clock, pageSize: 2 };
    const fresh = sourceOf(await overviewEvents(house.sms, ask(), options));
    expect(position(await fresh.next(3))).toHaveLength(2);
    await fresh.cancel();
    const back = sourceOf(await overviewEvents(house.sms, ask({ "last-event-id": String(createdAt) }), options));
    const got = await back.next(13);
    // Whole pages: the last one reaches beyond what the reader asked for.
    expect(position(got)).toHaveLength(12);
    expect(new Set(position(got).map((data) => JSON.stringify(data))).size).toBe(12);
    expect(got.at(-1)?.event).toBeNull();
    await back.cancel();
  });

  it("show many that were new at once, though the ledger was empty before", async () => {
    const clock = manualClock();
    await using house = rig({ ...NOW, clock });
    const source = sourceOf(await overviewEvents(house.sms, ask(), { authorize: allow, clock, pageSize: 2 }));
    const coming = source.next(5);
    await new Promise((resolve) => setTimeout(resolve, 0));
    for (let at = 0; at < 5; at += 1) await house.type("new", `+1234567${String(1000 + at)}`);
    await clock.advance(2000);
    expect(position(await coming)).toHaveLength(5);
    await source.cancel();
  });

  it("show nothing twice, and stop asking when the reader has gone", async () => {
    const clock = manualClock();
    let asked = 0;
    const sms: OverviewEventsPart = {
      async conversations() {
        asked += 1;
        return { conversations: [{ id: "c", seq: 3, updatedAt: 5 } as Conversation], cursor: null };
      },
    };
    const source = sourceOf(await overviewEvents(sms, ask(), { authorize: allow, clock, heartbeatMs: 10_000 }));
    await source.next(2);
    const coming = source.next(1);
    await new Promise((resolve) => setTimeout(resolve, 0));
    await clock.advance(10_000);
    expect(await coming).toMatchObject([{ comment: true }]);
    const before = asked;
    expect(before).toBeGreaterThan(3);
    await source.cancel();
    await clock.advance(60_000);
    expect(asked).toBeLessThanOrEqual(before + 1);
  });

  it("are refused as those of one conversation are", async () => {
    await using house = rig(NOW);
    const forbidden = { authorize: (): Authorization => "forbidden" };
    expect(await refusalOf(await overviewEvents(house.sms, ask(), forbidden))).toEqual([403, "forbidden"]);
    const wrong = ask({ "last-event-id": "x" });
    expect(await refusalOf(await overviewEvents(house.sms, wrong, { authorize: allow }))).toEqual([
      400,
      "wrong_position",
    ]);
  });
});
