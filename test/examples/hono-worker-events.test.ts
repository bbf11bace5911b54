import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { OURS, PERSON } from "./example.ts";
import { type Edge, runWorker, SECRET, unable } from "./hono-worker.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

interface Event {
  readonly id: string;
  readonly text: string;
}

/** Reads events until one says `last`, then hangs up. */
async function readUntil(url: string, headers: Record<string, string>, last: string): Promise<Event[]> {
  const leave = new AbortController();
  const response = await fetch(url, { headers, signal: leave.signal });
  expect([response.status, response.headers.get("content-type")]).toEqual([
    200,
    expect.stringContaining("text/event-stream"),
  ]);
  const events: Event[] = [];
  let rest = "";
  for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const blocks = (rest + chunk).split("\n\n");
    rest = blocks.pop() ?? "";
    for (const block of blocks) {
      const [, id = ""] = /^id: ?(.*)$/m.exec(block) ?? [];
      const [, data] = /^data: ?(.*)$/m.exec(block) ?? [];
      if (data === undefined) continue;
      const { body, status } = JSON.parse(data);
      events.push({ id, text: status === undefined ? body : `${body.slice(0, 5)}: ${status}` });
    }
    if (events.some(({ text }) => text === last)) break;
  }
  leave.abort();
  return events;
}

describe.skipIf(unable !== null)(`the Worker example's events${unable === null ? "" : ` (${unable})`}`, () => {
  let edge: Edge;
  let id: string;
  let events: string;
  const bearer = { authorization: `Bearer ${SECRET}` };
  beforeAll(async () => {
    edge = await runWorker();
    id = (await edge.call("/messages", { id: "first", from: PERSON, body: "Hello!" })).message.conversationId;
    events = `${edge.url}/conversations/${id}/events`;
  });
  afterAll(() => edge?.[Symbol.asyncDispose]());

  it("go on after a reconnect, and after another isolate, without a gap or a double", async () => {
    const first = await readUntil(events, bearer, "Hello: delivered");
    expect([first[0]?.text, first.at(-1)?.text]).toEqual(["Hello!", "Hello: delivered"]);

    // No client reads along while this happens.
    const { response } = await edge.emulator.text({ from: PERSON, to: OURS, body: "Thanks" });
    expect(response?.status).toBe(200);
    await expect
      .poll(async () => (await edge.conversationWith(PERSON)).texts, { timeout: 20_000, interval: 200 })
      .toEqual(["Hello!", "ai: delivered", "Thanks", "ai: delivered"]);
    await edge.throwAway();

    const second = await readUntil(
      `${edge.url}/conversations/${id}/events?after=0`,
      { ...bearer, "last-event-id": first.at(-1)?.id ?? "" },
      "You a: delivered",
    );
    const [earlier, later] = [first, second].map((part) => part.map((event) => Number(event.id)));
    const ids = [...(earlier ?? []), ...(later ?? [])];
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    expect(second.map(({ text }) => text).filter((text) => !text.includes(":"))).toEqual(["Thanks"]);

    // Each message in its last state: what a reader of both has, is what a reader of the whole has.
    const whole = await readUntil(`${edge.url}/conversations/${id}/events`, bearer, "You a: delivered");
    const lastStates = (list: readonly Event[]) =>
      list.map(({ text }) => text).filter((text) => !/: (?!deliv)/.test(text));
    expect(lastStates([...first, ...second])).toEqual(lastStates(whole));
  });

  it("are read by a browser with the pass that it gets for the secret, which opens nothing else", async () => {
    const { headers } = await edge.call("/session", {});
    const cookie = headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(
      /^ownline_pass=\d+\.[0-9a-f]{64}; Path=\/conversations; Max-Age=\d+; HttpOnly; SameSite=Strict$/,
    );
    expect(cookie).not.toContain(SECRET);
    const pass = cookie.split(";")[0] ?? "";
    const url = `${edge.url}/conversations/${id}/events`;
    expect((await readUntil(url, { cookie: pass }, "Hello!"))[0]?.text).toBe("Hello!");

    const [, expiry = "", signature = ""] = /=(\d+)\.(.*)/.exec(pass) ?? [];
    for (const forged of [
      `ownline_pass=${Number(expiry) + 1}.${signature}`,
      `ownline_pass=${expiry}.${"0".repeat(64)}`,
      `ownline_pass=1.${signature}`,
      "ownline_pass=",
    ]) {
      expect((await fetch(url, { headers: { cookie: forged } })).status, forged).toBe(401);
    }
    expect((await fetch(`${edge.url}/conversations`, { headers: { cookie: pass } })).status).toBe(401);
    expect((await fetch(`${edge.url}/conversations/${id}/messages`, { headers: { cookie: pass } })).status).toBe(401);
  });
});
