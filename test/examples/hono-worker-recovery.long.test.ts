import { createServer } from "node:http";
import { describe, expect, it, vi } from "vitest";
import { OURS, PERSON } from "./example.ts";
import { type Edge, type Loss, runWorker, unable } from "./hono-worker.ts";

vi.setConfig({ testTimeout: 90_000 });

// A lease of a Worker that is gone is noticed after the example's twenty seconds.
const POLL = { timeout: 40_000, interval: 200 };

/** Answered, once, and the provider agrees. */
async function isAnsweredOnce(
  edge: Edge,
  wake: () => Promise<void> = async () => {},
  answer = "offline demo",
): Promise<void> {
  const look = async () => {
    await wake();
    return edge.conversationWith(PERSON);
  };
  await expect.poll(look, POLL).toMatchObject({ answered: true, texts: ["Hello!", "ai: delivered"] });
  await edge.cron();
  expect(edge.sentTo(PERSON)).toEqual([expect.stringContaining(answer)]);
}

interface StallingModel extends AsyncDisposable {
  readonly url: string;
  /** Resolves when the first call has come, which is never answered. */
  readonly stalled: Promise<void>;
}

/** A model that thinks for ever about the first call, and answers every later one at once. */
async function stallingModel(answer: string): Promise<StallingModel> {
  let first = true;
  let stall = (): void => {};
  const stalled = new Promise<void>((resolve) => {
    stall = resolve;
  });
  const server = createServer((_, response) => {
    if (first) {
      first = false;
      return stall();
    }
    response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify({ choices: [{ finish_reason: "stop", message: { content: answer } }] }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : ""}/v1`,
    stalled,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.skipIf(unable !== null)(`the Worker example, let down${unable === null ? "" : ` (${unable})`}`, () => {
  it.each<[string, readonly Loss[], (edge: Edge) => Promise<void>]>([
    ["by the queue, where nothing works on after the answer", ["wait-until"], async () => {}],
    ["by the cron, where every wake-up is lost as well", ["wait-until", "queue"], (edge) => edge.cron()],
  ])("answers once %s", async (_, loses, wake) => {
    await using edge = await runWorker({ loses });
    const { response } = await edge.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
    expect([response?.status, edge.sentTo(PERSON)]).toEqual([200, []]);
    await isAnsweredOnce(edge, () => wake(edge));
  });

  it("answers once when the isolate is thrown away between acknowledgement and answer", async () => {
    // The isolate waits for the model when it is thrown away, so however slow the machine, it has not answered.
    await using model = await stallingModel("We open at nine.");
    await using edge = await runWorker({ vars: { OPENAI_BASE_URL: model.url, OPENAI_MODEL: "stalling" } });
    const { sid, response } = await edge.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
    expect(response?.status).toBe(200);
    await model.stalled;
    await edge.throwAway();
    expect(edge.sentTo(PERSON)).toEqual([]);
    await isAnsweredOnce(edge, () => edge.cron(), "We open at nine.");
    expect((await edge.emulator.redeliver(sid))?.status).toBe(200);
    await isAnsweredOnce(edge, undefined, "We open at nine.");
  });

  it("answers 503 while the database has no tables, and takes the text once it has them", async () => {
    await using edge = await runWorker({ migrated: false });
    const { sid, response } = await edge.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
    expect(response?.status).toBe(503);
    const typed = await edge.call("/messages", { id: "typed", from: "+12345678901", body: "Hello!" });
    expect([typed.status, typed.error.code, typed.headers.get("retry-after")]).toEqual([
      503,
      "storage_unmigrated",
      "5",
    ]);
    await expect.poll(edge.complaints, POLL).toContain("wrangler d1 migrations apply");

    await edge.migrate();
    expect((await edge.emulator.redeliver(sid))?.status).toBe(200);
    await isAnsweredOnce(edge);
    expect((await edge.call("/messages", { id: "typed", from: "+12345678901", body: "Hello!" })).status).toBe(201);
  });

  it("answers 503 while the database fails, and loses nothing that was acknowledged", async () => {
    await using edge = await runWorker({ loses: ["wait-until", "queue"] });
    const first = await edge.emulator.text({ from: PERSON, to: OURS, body: "Hello!" });
    expect(first.response?.status).toBe(200);

    await edge.sql("ALTER TABLE ownline_conversations RENAME TO ownline_away");
    const second = await edge.emulator.text({ from: "+12345678901", to: OURS, body: "Hi" });
    expect([second.response?.status, (await edge.call("/conversations")).status]).toEqual([503, 503]);
    await edge.sql("ALTER TABLE ownline_away RENAME TO ownline_conversations");

    await isAnsweredOnce(edge, () => edge.cron());
    expect((await edge.emulator.redeliver(second.sid))?.status).toBe(200);
    await expect
      .poll(async () => {
        await edge.cron();
        return edge.sentTo("+12345678901");
      }, POLL)
      .toHaveLength(1);
  });

  it.each([
    ["a secret", { vars: { API_SECRET: undefined } }, "API_SECRET is missing", "wrangler secret put API_SECRET"],
    ["the provider's token", { vars: { TWILIO_AUTH_TOKEN: "" } }, "TWILIO_AUTH_TOKEN is missing", "Twilio's console"],
    ["the number", { vars: { TWILIO_PHONE_NUMBER: "12" } }, "TWILIO_PHONE_NUMBER", "E.164"],
    ["the database", { without: ["d1_databases"], migrated: false }, "DB is missing", "wrangler.jsonc"],
    ["the queue", { without: ["queues"] }, "WAKE is missing", "wrangler.jsonc"],
    ["a webhook elsewhere", { vars: { WEBHOOK_URL: "https://sms.example.com/sms" } }, "WEBHOOK_URL", "/webhooks/sms"],
  ])("does not start with a mistake in %s, and names it", async (_, options, name, remedy) => {
    const failure: unknown = await runWorker(options).then(
      (edge) => edge[Symbol.asyncDispose](),
      (error: unknown) => error,
    );
    expect(String(failure)).toContain(name);
    expect(String(failure)).toContain(remedy);
    expect(String(failure)).not.toContain("emulated-auth-token");
  });
});
