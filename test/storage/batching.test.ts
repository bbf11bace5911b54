import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../src/storage/clock.ts";
import type { LedgerDatabase } from "../../src/storage/database.ts";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { memoryDatabase } from "../../src/storage/memory/database.ts";
import { inboundRecord as text } from "./inbound-record.ts";

const SECOND_MS = 1_000;

/** A ledger in groups whose database hangs until the test lets it go on. */
function hanging() {
  const database = memoryDatabase(systemClock);
  let goOn = (): void => {};
  const barrier = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const decide: LedgerDatabase["decide"] = async (plans, judge) => {
    await barrier;
    return await database.decide(plans, judge);
  };
  return { storage: ledgerOver({ ...database, maxPlans: 8, decide }), goOn: () => goOn() };
}

describe("while the database hangs", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("a call that waits behind it fails after ten seconds, and may be repeated", async () => {
    const { storage, goOn } = hanging();
    const underWay = storage.recordInbound(text("first"));
    await vi.advanceTimersByTimeAsync(SECOND_MS);
    const refused = vi.fn<(reason: unknown) => void>();
    storage.recordInbound(text("second")).catch(refused);
    await vi.advanceTimersByTimeAsync(9 * SECOND_MS);
    expect(refused).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(2 * SECOND_MS);
    expect(refused).toHaveBeenCalledWith(expect.objectContaining({ code: "storage_unavailable", retryable: true }));

    goOn();
    expect((await underWay).outcome).toBe("recorded");
    const messages = await storage.messages({ conversationId: "c-first", after: 0, limit: 10 });
    expect(messages.map(({ id }) => id)).toEqual(["first"]);
    expect((await storage.recordInbound(text("second"))).outcome).toBe("recorded");
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
  });
});
