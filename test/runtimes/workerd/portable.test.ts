import { env } from "cloudflare:workers";
import { d1 } from "ownline/storage/d1";
import { migrations } from "ownline/storage/d1-migrations";
import { describe, expect, it } from "vitest";
import { conversationCases } from "../cases/conversations.ts";
import { portableCases } from "../cases/portable.ts";
import { clear } from "./database.ts";

const onD1 = conversationCases("D1", async () => {
  await clear(env.TALK);
  const storage = d1(env.TALK, { migrations });
  await storage.migrate();
  return storage;
});

describe("in workerd the built package", () => {
  for (const { name, run } of [...portableCases, ...onD1]) {
    it(`${name}`, async () => {
      await expect(run()).resolves.toBeUndefined();
    });
  }
});
