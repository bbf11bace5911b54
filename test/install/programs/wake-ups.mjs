import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { ownline } from "ownline";
import { memory } from "ownline/storage/memory";
import { fakeTransport } from "ownline/testing";

const HOUR_MS = 3_600_000;

/**
 * One service stores a text, another, which looks by itself only every hour, answers it: only a wake-up through the
 * queue can have brought that about.
 */
export async function answersForTheOther({ web, worker }) {
  const provider = fakeTransport();
  const errors = [];
  const shared = {
    senders: ["+15703251809"],
    transport: provider,
    storage: memory(),
    worker: { pollMs: HOUR_MS },
    burst: { quietMs: 20 },
  };
  const front = ownline({ ...shared, ai: () => Promise.reject(new Error("this one never answers")), queue: web });
  const back = ownline({ ...shared, ai: () => "hello back", queue: worker });
  for (const sms of [front, back]) sms.on("error", ({ message }) => errors.push(message));
  await back.start();
  await front.fetch(provider.text({ from: "+12345678900", to: "+15703251809", body: "hello" }));
  for (let tries = 0; provider.taken.length === 0 && tries < 400; tries += 1) await setTimeout(50);
  await back.close();
  await front.close();
  assert.deepEqual(
    provider.taken.map(({ body }) => body),
    ["hello back"],
  );
  assert.deepEqual(errors, []);
}
