import { describe, expect, it } from "vitest";
import { isOwnlineError, type OwnlineOptions, ownline } from "../../src/index.ts";
import { memory } from "../../src/storage/memory.ts";
import { rig, scriptedTransport } from "./rig.ts";

const good = () => ({ senders: ["+15703251809"], transport: scriptedTransport(), storage: memory(), ai: () => "hi" });

function mistakeOf(options: unknown): string {
  try {
    ownline(options as OwnlineOptions);
  } catch (error) {
    if (isOwnlineError(error) && error.code === "invalid_options") return error.message;
    throw error;
  }
  return "none";
}

describe("the options", () => {
  it("need four things and no more", () => {
    expect(mistakeOf(good())).toBe("none");
  });

  it("are checked at once: every mistake is named with its path and the remedy", () => {
    const message = mistakeOf({
      senders: [process.env.OWNLINE_NOT_SET, { adress: "+1" }],
      storge: memory(),
      ai: 3,
      burst: { quietMs: -1, whileAnswering: "sometimes" },
      answer: { fallbackText: "" },
    });
    for (const part of [
      "options.senders[0]: give a number you own",
      "is an environment variable missing?",
      "options.senders[1]",
      "options.transport: give a transport",
      "options.storage: give a storage",
      "ownline uses memory only where you give memory()",
      "options.ai: give an AI",
      "options.burst.quietMs: give a number of milliseconds, 0 or more",
      'options.burst.whileAnswering: give one of "supersede", "queue"',
      "options.answer.fallbackText: give a text that is not empty",
      "options.storge is not an option",
    ]) {
      expect(message).toContain(part);
    }
  });

  it.each([
    [undefined, "give an object of options"],
    [{ ...good(), senders: [] }, "list at least one number you own"],
    [{ ...good(), senders: "+15703251809" }, "list the numbers you own"],
    [{ ...good(), senders: ["+15703251809", "570-325-1809"] }, "options.senders[1]: a sender is a number in E.164"],
    [{ ...good(), senders: [{ address: "+15703251809", service: "+1" }] }, 'starts with "MG"'],
    [{ ...good(), burst: { quietMs: 2000, maxWaitMs: 1000 } }, "raise it"],
    [{ ...good(), sending: { validityMs: 999 } }, "options.sending.validityMs"],
    [{ ...good(), sending: { validityMs: 2000, unknownWindowMs: 1999 } }, "lower validityMs"],
    [{ ...good(), unsafe: { withoutOptOut: "yes" } }, "options.unsafe.withoutOptOut"],
    [{ ...good(), policies: [{}] }, "options.policies[0]"],
    [{ ...good(), worker: { concurrency: 0 } }, "options.worker.concurrency"],
    [{ ...good(), worker: { passLimit: 0 } }, "options.worker.passLimit"],
    [{ ...good(), history: { maxMessages: 1.5 } }, "options.history.maxMessages"],
  ])("refuse %o", (options, part) => {
    expect(mistakeOf(options)).toContain(part);
  });

  it("take senders from a resolver", async () => {
    await using house = rig({
      senders: ((address: string) => (address === "+15550001111" ? { address } : undefined)) as never,
    });
    const sms = house.sms as unknown as ReturnType<typeof ownline<(address: string) => undefined>>;
    await sms.send({ key: "k", from: "+15550001111", to: "+12345678900", body: "hi" });
    await sms.settled();
    expect(house.provider.sent[0]?.from).toBe("+15550001111");
    await expect(sms.send({ key: "k2", from: "+15550002222", to: "+12345678900", body: "hi" })).rejects.toMatchObject({
      code: "unknown_sender",
    });
    await expect(sms.send({ key: "k3", to: "+12345678900", body: "hi" })).rejects.toMatchObject({
      code: "sender_required",
    });
  });

  it("switch a safety off only loudly", async () => {
    await using house = rig({ burst: { quietMs: 0 }, unsafe: { withoutOptOut: true } });
    await house.text("STOP");
    await house.sms.settled();
    expect(house.provider.sent.map(({ body }) => body)).toEqual(["re: STOP"]);
  });
});
