import { once } from "node:events";
import { createServer, request, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { expect, it, vi } from "vitest";
import { type Example, OURS, PERSON, runExample, surroundings } from "./example.ts";

vi.setConfig({ testTimeout: 60_000 });
const POLL = { timeout: 30_000, interval: 50 };
const STOPPING = "finishing or giving back";

/** A model that thinks until the test says what to answer. */
async function slowModel() {
  const thinking: ServerResponse[] = [];
  let asked = 0;
  const server = createServer((incoming, response) => {
    incoming.resume();
    asked += 1;
    thinking.push(response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("the server has no port");
  return {
    env: { OPENAI_BASE_URL: `http://127.0.0.1:${address.port}`, OPENAI_MODEL: "slow" },
    asked: () => asked,
    say(content: string): void {
      for (const response of thinking.splice(0)) {
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ choices: [{ message: { role: "assistant", content }, finish_reason: "stop" }] }));
      }
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** The server, with an answer under way. */
async function underWay() {
  const around = await surroundings();
  const model = await slowModel();
  const env = { ...around.env, ...model.env };
  const first = await runExample(env);
  await around.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
  await expect.poll(model.asked, POLL).toBe(1);
  return {
    around,
    model,
    first,
    successor: () => runExample(env),
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
      await around[Symbol.asyncDispose]();
    },
  };
}

async function settled(example: Example) {
  const { conversations } = await example.call("/conversations");
  const [{ id = "", answeredSeq = 0, inboundSeq = -1 } = {}] = conversations;
  const { messages } = await example.call(`/conversations/${id}/messages?after=0`);
  const last = messages.at(-1);
  return answeredSeq === inboundSeq && last?.direction === "outbound" && last.status === "delivered";
}

it("finishes an answer under way when it gets a signal to end, although the signal comes twice at once", async () => {
  await using scene = await underWay();
  const { around, model, first } = scene;
  // Both reach it at one Ctrl-C: from the terminal, and from npm.
  first.signal("SIGINT");
  first.signal("SIGTERM");
  await expect.poll(first.output, POLL).toContain(STOPPING);
  model.say("A table at eight.");
  expect(await first.ended, first.output()).toBe(0);

  await using second = await scene.successor();
  await expect.poll(() => settled(second), POLL).toBe(true);
  expect([model.asked(), around.sent()]).toEqual([1, [{ from: OURS, to: PERSON, body: "A table at eight." }]]);
});

it("gives back an answer that takes too long, and the next process answers once", async () => {
  await using scene = await underWay();
  const { around, model, first } = scene;
  expect(await first.end("SIGTERM"), first.output()).toBe(0);

  await using second = await scene.successor();
  await expect.poll(model.asked, POLL).toBe(2);
  model.say("A table at eight.");
  await expect.poll(() => settled(second), POLL).toBe(true);
  expect(around.sent()).toEqual([{ from: OURS, to: PERSON, body: "A table at eight." }]);
});

it("ends at once at a second signal, says so, and the next process answers once", async () => {
  await using scene = await underWay();
  const { around, model, first } = scene;
  first.signal("SIGTERM");
  await expect.poll(first.output, POLL).toContain(STOPPING);
  await expect
    .poll(() => {
      first.signal("SIGTERM");
      return first.output();
    }, POLL)
    .toContain("SIGTERM again: ended at once");
  expect(await first.ended).toBe(1);

  await using second = await scene.successor();
  await expect.poll(model.asked, POLL).toBe(2);
  model.say("A table at eight.");
  await expect.poll(() => settled(second), POLL).toBe(true);
  expect(around.sent()).toEqual([{ from: OURS, to: PERSON, body: "A table at eight." }]);
});

it("answers a request that was under way when the signal to end came", async () => {
  await using example = await runExample({});
  const body = JSON.stringify({ from: PERSON, body: "Hello!" });
  const headers = { "content-type": "application/json", "content-length": body.length, connection: "keep-alive" };
  const typing = request(`${example.url}/api/messages`, {
    method: "POST",
    headers: { ...headers, expect: "100-continue" },
  });
  typing.flushHeaders();
  await once(typing, "continue");
  example.signal("SIGTERM");
  await expect.poll(example.output, POLL).toContain(STOPPING);
  typing.end(body);
  const [response] = await once(typing, "response");
  expect([response.statusCode, JSON.parse(await text(response))]).toMatchObject([201, { message: { body: "Hello!" } }]);
  expect(await example.ended).toBe(0);
});
