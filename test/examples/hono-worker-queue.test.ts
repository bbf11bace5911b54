import { beforeEach, expect, it, vi } from "vitest";
import worker from "../../examples/hono-worker/src/worker.ts";

// What the runtime binds; this database is down.
vi.mock("cloudflare:workers", () => ({
  env: {
    DB: {
      prepare: () => ({ bind: () => ({}) }),
      batch: () => Promise.reject(new Error("D1_ERROR: Network connection lost.")),
    },
    WAKE: { send: async () => {} },
    API_SECRET: "sixteen-letters!",
    TWILIO_ACCOUNT_SID: "AC1",
    TWILIO_AUTH_TOKEN: "token",
    TWILIO_PHONE_NUMBER: "+15703251809",
    WEBHOOK_URL: "https://sms.example.com/webhooks/sms",
  },
}));

let log: string[];
beforeEach(() => {
  log = [];
  for (const level of ["warn", "error"] as const) {
    vi.spyOn(console, level).mockImplementation((line: unknown) => void log.push(String(line)));
  }
});

/** A batch as the runtime hands it over, and what became of it. */
function batchOf(queue: string) {
  const fates: string[] = [];
  const batch = {
    queue,
    messages: [{ attempts: 1 }, { attempts: 2 }],
    ackAll: () => void fates.push("acknowledged"),
    retryAll: () => void fates.push("again"),
  };
  return { batch, fates };
}

it("has the queue bring its wake-ups again while the database is down, and says who must look at what", async () => {
  const { batch, fates } = batchOf("ownline-wake");
  await worker.queue(batch);
  expect(fates).toEqual(["again"]);
  expect(log.join()).toContain("D1 did not answer");
  expect(log.join()).not.toContain("gave up");
});

it("says what it means that the queue has given wake-ups up", async () => {
  const { batch, fates } = batchOf("ownline-wake-failed");
  await worker.queue(batch);
  expect(fates).toEqual(["again"]);
  expect(log.join()).toContain("the queue gave up 2 wake-up(s)");
});

it("lets the cron fail loudly, for the runtime to count it", async () => {
  await expect(worker.scheduled()).rejects.toThrow("D1 did not answer");
});
