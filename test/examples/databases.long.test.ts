import { MongoClient } from "mongodb";
import { expect, inject, it, vi } from "vitest";
import { skipNote } from "../databases/mongodb.ts";
import { OURS, PERSON, runExample, surroundings } from "./example.ts";

// Building the indexes takes a while.
vi.setConfig({ testTimeout: 180_000 });
const POLL = { timeout: 60_000, interval: 100 };

const server = inject("mongodbUrl");

it.skipIf(server === "")(
  `keeps the texts in MongoDB by one variable, across a restart${skipNote(server)}`,
  async () => {
    const url = new URL(server);
    url.pathname = `/ownline_example_${process.pid}`;
    await using around = await surroundings();
    const env = { ...around.env, OWNLINE_STORAGE: url.href };
    try {
      await using first = await runExample(env);
      const { message } = await first.call("/messages", { from: PERSON, body: "Hello!" });
      await expect.poll(() => around.sent(), POLL).toHaveLength(1);
      expect(await first.end("SIGTERM")).toBe(0);

      await using second = await runExample(env);
      await around.emulator.text({ from: PERSON, to: OURS, body: "Thanks" });
      await expect.poll(() => around.sent(), POLL).toHaveLength(2);
      const { messages } = await second.call(`/conversations/${message.conversationId}/messages?after=0`);
      expect(messages.map(({ origin }) => origin)).toEqual(["simulated", "ai", "webhook", "ai"]);
      // DocumentDB's gateway keeps the open transaction of a client that was killed, and everything waits for it.
      expect(await second.end("SIGTERM")).toBe(0);
    } finally {
      const client = new MongoClient(server);
      await client.db(url.pathname.slice(1)).dropDatabase();
      await client.close();
    }
  },
);

it("says at the start what is wrong with a database that cannot be reached", async () => {
  await expect(runExample({ OWNLINE_STORAGE: "postgres://postgres@127.0.0.1:1/none" })).rejects.toThrow(
    /ended with 1:\nPostgreSQL could not be reached/,
  );
});
