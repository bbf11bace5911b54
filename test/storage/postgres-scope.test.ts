import { describe, expect, it } from "vitest";
import { apart, shared, together } from "../engine/two-services.ts";
import { postgresLedgers } from "./postgres-ledgers.ts";

describe("two services over one PostgreSQL", () => {
  it.each([
    ["with two scopes touch nothing of each other", ["shop", "clinic"], apart],
    ["in one scope answer and send nothing of each other, and say what to do", [undefined, undefined], together],
  ] as const)("%s", async (_name, scopes, act) => {
    const ledgers = await postgresLedgers();
    try {
      await expect(shared(scopes, act, (clock) => ledgers.open({ clock }))).resolves.toBeUndefined();
    } finally {
      await ledgers.dispose();
    }
  });
});
