import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkedOwnlineOptions } from "../../src/engine/options/option-schemas.ts";
import type {
  AnswerOptions,
  BurstOptions,
  HistoryOptions,
  OwnlineOptions,
  SendingOptions,
  SweepOptions,
  UnsafeOptions,
  WorkerOptions,
} from "../../src/engine/options/options.ts";
import { isOwnlineError } from "../../src/errors.ts";

type Arbitraries<Options extends object> = { readonly [Key in keyof Required<Options>]: fc.Arbitrary<unknown> };

/** The lines of the error, one for each mistake; none where the options are right. */
function linesFor(options: unknown): readonly string[] {
  try {
    checkedOwnlineOptions(options);
    return [];
  } catch (error) {
    if (!isOwnlineError(error) || error.code !== "invalid_options") throw error;
    return error.message.replace(/^ownline cannot start(\. |:\n- )/, "").split("\n- ");
  }
}

const good = () => ({
  senders: ["+15703251809"],
  transport: { send() {}, receive() {}, acknowledge() {} },
  storage: { recordInbound() {}, claimTurns() {}, claimSend() {} },
  ai: () => "hi",
});

const fn = fc.constant(() => "hi");
/** Values that are right in some place and wrong in others. */
const anything = fc.oneof(
  fc.constantFrom<unknown>(undefined, null, true, "", " ", "text", [], {}, [undefined], [[]], () => "hi"),
  fc.constantFrom<unknown>(0, -1, 0.5, 1, 1.5, 99, 100, 999, 1000, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53),
  fc.constantFrom<unknown>({ name: "x" }, { name: 1 }, [{ name: "x" }, {}], { address: "+1" }, [{ address: "" }]),
  fc.constantFrom<unknown>("1000", new Date(0), new Map(), Symbol("s"), 1n),
);
const mostly = (right: fc.Arbitrary<unknown>) =>
  fc.oneof({ weight: 6, arbitrary: right }, { weight: 1, arbitrary: anything });
const methods = (...names: readonly string[]) =>
  fc.record(Object.fromEntries(names.map((name) => [name, mostly(fn)])), {});
const object = (shape: Readonly<Record<string, fc.Arbitrary<unknown>>>) =>
  mostly(
    fc.record(
      { ...Object.fromEntries(Object.entries(shape).map(([key, right]) => [key, mostly(right)])), mistyped: anything },
      { requiredKeys: [] },
    ),
  );
const number = fc.constantFrom(1, 100, 1000, 5000);

const group = {
  burst: { quietMs: number, maxWaitMs: number, whileAnswering: fc.constantFrom("supersede", "queue") },
  answer: {
    timeoutMs: number,
    attempts: number,
    backoffMs: number,
    fallbackText: fc.constant("Sorry."),
    maxParts: number,
    markdown: fc.constantFrom("strip", "keep"),
    typography: fc.constantFrom("fold", "keep"),
  },
  history: { maxMessages: number, maxCharacters: number, select: fn },
  sending: {
    expiryMs: number,
    validityMs: number,
    unknownWindowMs: number,
    unknown: fc.constantFrom("resend", "hold", "drop"),
    unknownEarly: fc.boolean(),
    orderWaitMs: number,
    maxSegments: number,
    backoffMs: number,
    rateLimit: fc.oneof(fn, fc.constantFrom("by-kind", false)),
    perSecond: number,
  },
  sweep: { everyMs: number, overlapMs: number, answerWithinMs: number },
  worker: { pollMs: number, leaseMs: number, concurrency: number, passLimit: number },
  unsafe: { withoutOptOut: fc.boolean(), withoutLoopGuard: fc.boolean() },
} satisfies {
  burst: Arbitraries<BurstOptions>;
  answer: Arbitraries<AnswerOptions>;
  history: Arbitraries<HistoryOptions>;
  sending: Arbitraries<SendingOptions>;
  sweep: Arbitraries<SweepOptions>;
  worker: Arbitraries<WorkerOptions>;
  unsafe: Arbitraries<UnsafeOptions>;
};

const whole: Arbitraries<OwnlineOptions> = {
  senders: fc.oneof(
    fn,
    object({ resolve: fn, list: fn }),
    fc.array(
      mostly(
        fc.oneof(
          fc.constant("+15703251809"),
          object({ address: fc.constant("+1"), service: fc.constant("MG1"), ratePerSecond: number }),
        ),
      ),
    ),
  ),
  transport: methods("send", "receive", "acknowledge"),
  storage: methods("recordInbound", "claimTurns", "claimSend"),
  scope: fc.constant("shop"),
  ai: fc.oneof(fn, methods("reply")),
  policies: fc.array(mostly(fc.constant({ name: "mine" }))),
  autoReply: fc.oneof(fn, fc.constant("One moment.")),
  burst: object(group.burst),
  answer: object(group.answer),
  history: object(group.history),
  sending: object(group.sending),
  sweep: fc.oneof(fc.constant(false), object(group.sweep)),
  worker: object(group.worker),
  queue: methods("notify"),
  unsafe: object(group.unsafe),
  logger: methods("debug", "info", "warn", "error"),
  clock: methods("now", "sleep"),
};

describe("the schema of the options", () => {
  it("finds a wrong value wherever one stands, and names its place and the remedy", () => {
    let wrong = 0;
    fc.assert(
      fc.property(object(whole), (options) => {
        const lines = linesFor(options);
        const isRecord = typeof options === "object" && options !== null && !Array.isArray(options);
        const form = isRecord
          ? /^options\.[\w.[\]]+(: (give|list|a sender is|a service is) | is not an option: )/
          : /^options: give an object of options$/;
        expect(lines.filter((line) => !form.test(line))).toEqual([]);
        expect(new Set(lines.map((line) => line.split(/:| is /u)[0])).size).toBe(lines.length);
        if (lines.length > 0) wrong += 1;
      }),
      { numRuns: 1000 },
    );
    expect(wrong).toBeGreaterThan(250);
  });

  it.each<[string, unknown, string | null]>([
    ["senders", [], "options.senders: list at least one number you own"],
    ["senders", [{ address: "", service: 5, ratePerSecond: 0 }], "options.senders[0].address: give a number you own"],
    [
      "senders",
      [{ address: "+15703251809", ratePerSecond: 0 }],
      "options.senders[0].ratePerSecond: give a number of segments",
    ],
    ["senders", [[]], "options.senders[0]: give a number you own"],
    ["senders", () => undefined, null],
    ["senders", { resolve: () => undefined }, null],
    ["senders", { resolve: () => undefined, list: () => [] }, null],
    ["senders", { resolve: () => undefined, list: undefined }, null],
    ["senders", { list: () => [] }, "options.senders.resolve: give a function (address) => sender"],
    ["senders", { resolve: () => undefined, list: [] }, "options.senders.list: give a function () => list of senders"],
    ["senders", { resolve: () => undefined, lists: 1 }, "options.senders.lists is not an option: did you mean list?"],
    ["senders", "+15703251809", "options.senders: list the numbers you own, or give a function that finds them"],
    ["sweep", true, "options.sweep: give an object of options, or false"],
    ["sweep", { everyMs: 999 }, "options.sweep.everyMs: give a number of milliseconds, 1000 or more"],
    ["sweep", false, null],
    ["burst", [], "options.burst: give an object of options"],
    ["burst", null, "options.burst: give an object of options"],
    ["burst", { quietMs: Number.NaN }, "options.burst.quietMs: give a number of milliseconds, 0 or more"],
    ["burst", { quietMs: Number.POSITIVE_INFINITY }, "options.burst.quietMs"],
    ["burst", { quietMs: undefined }, null],
    ["answer", { attempts: 1.5 }, "options.answer.attempts: give a number of attempts, 1 or more"],
    ["answer", { fallbackText: " " }, "options.answer.fallbackText: give a text that is not empty"],
    ["sending", { rateLimit: "fast" }, 'options.sending.rateLimit: give "by-kind", false, or a function'],
    ["sending", { rateLimit: false }, null],
    ["autoReply", "", "options.autoReply: give a text that is not empty, or a function"],
    ["policies", [{ name: "mine" }, {}], "options.policies[1]: give a policy with a name"],
    ["queue", { notify: true }, "options.queue: give a queue"],
    ["burst", { quietms: 5 }, "options.burst.quietms is not an option: did you mean quietMs?"],
    ["burst", { qiuetMs: 5 }, "options.burst.qiuetMs is not an option: did you mean quietMs?"],
    ["burst", { unheard: 5 }, "options.burst.unheard is not an option: check its spelling, or leave it out"],
  ])("judges %s: %j", (key, value, line) => {
    const lines = linesFor({ ...good(), [key]: value });
    expect(lines.length).toBe(line === null ? 0 : lines.length || 1);
    expect(lines[0] ?? "").toContain(line ?? "");
  });

  it("passes on what has methods as it is: instances of classes, proxies and getters", () => {
    class Line {
      readonly #secret = 1;
      send() {
        return this.#secret;
      }
      receive() {}
      acknowledge() {}
    }
    const transport = new Line();
    const storage = new Proxy({}, { get: () => () => {} });
    const policy = { name: "mine" };
    const ai = () => "hi";
    class Options {
      readonly senders = ["+15703251809"];
      readonly policies = [policy];
      readonly logger = undefined;
      readonly ai = ai;
      readonly transport = transport;
      get storage() {
        return storage;
      }
      notAnOption() {}
    }
    const checked = checkedOwnlineOptions(new Options());
    expect(checked.transport).toBe(transport);
    expect(checked.storage).toBe(storage);
    expect(checked.policies?.[0]).toBe(policy);
    expect(checked.ai).toBe(ai);
  });

  it("lets an instance of a class that finds senders have fields of its own, and refuses those of a literal", () => {
    class Tenants {
      readonly database = {};
      resolve() {}
    }
    const senders = new Tenants();
    expect(checkedOwnlineOptions({ ...good(), senders }).senders).toBe(senders);
    expect(linesFor({ ...good(), senders: Object.assign(new Tenants(), { list: 5 }) })).toEqual([
      expect.stringContaining("options.senders.list: give a function"),
    ]);
    expect(linesFor({ ...good(), senders: { resolve: () => undefined, database: {} } })).toEqual([
      expect.stringContaining("options.senders.database is not an option"),
    ]);
  });

  it("reads each option once, so that a getter cannot answer the check and the engine differently", () => {
    let reads = 0;
    const burst = Object.defineProperty({}, "quietMs", {
      enumerable: true,
      get: () => {
        reads += 1;
        return reads === 1 ? 5 : -1;
      },
    });
    expect(checkedOwnlineOptions({ ...good(), burst }).burst?.quietMs).toBe(5);
    expect(reads).toBe(1);
  });

  it("counts no field that an object inherits as unknown", () => {
    expect(linesFor(Object.assign(Object.create({ inherited: 1 }), good()))).toEqual([]);
  });

  it("quotes no value, and no name of a field that may be one", () => {
    const lines = linesFor({ ...good(), autoReply: 15703251809, "+15703251809": 1, answer: { markdown: "a secret" } });
    expect(lines).toHaveLength(3);
    expect(lines.join()).not.toMatch(/1809|secret/);
  });
});
