import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as z from "zod/mini";
import { mistakesIn } from "../../src/engine/check-options.ts";
import type {
  AnswerOptions,
  BurstOptions,
  HistoryOptions,
  OwnlineOptions,
  SendingOptions,
  SweepOptions,
  UnsafeOptions,
  WorkerOptions,
} from "../../src/engine/options.ts";

/*
 * The package checks its options itself, since a validation library weighs more than the rest of the checks together.
 * Here zod says what is right, and both must find the same mistakes in whatever they are given.
 */

type Oracle<Options extends object> = { readonly [Key in keyof Required<Options>]: z.ZodMiniType };
type Arbitraries<Options extends object> = { readonly [Key in keyof Required<Options>]: fc.Arbitrary<unknown> };

const functionType = z.custom((value) => typeof value === "function");
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
const withMethods = (...names: readonly string[]) =>
  z.custom((value) => isObject(value) && names.every((name) => typeof Reflect.get(Object(value), name) === "function"));
/** zod takes a list for an object; we do not. */
const objectType = (shape: Readonly<Record<string, z.ZodMiniType>>) =>
  z.pipe(z.custom(isObject), z.strictObject(shape));
const ms = (least: number) => z.optional(z.number().check(z.gte(least)));
const count = z.optional(z.int().check(z.gte(1)));
const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) => z.optional(z.enum(words));
const saidText = z.string().check(z.refine((text) => text.trim() !== ""));
// Without `abort` an empty number would be zod's own "too small", and the hint at the environment be lost.
const someText = z.string().check(z.minLength(1, { abort: true }));

const burst: Oracle<BurstOptions> = { quietMs: ms(0), maxWaitMs: ms(0), whileAnswering: oneOf("supersede", "queue") };
const answer: Oracle<AnswerOptions> = {
  timeoutMs: ms(1),
  attempts: count,
  backoffMs: ms(0),
  fallbackText: z.optional(saidText),
  markdown: oneOf("strip", "keep"),
  typography: oneOf("fold", "keep"),
};
const history: Oracle<HistoryOptions> = { maxMessages: count, maxCharacters: count, select: z.optional(functionType) };
const sending: Oracle<SendingOptions> = {
  expiryMs: ms(1000),
  validityMs: ms(1000),
  unknownWindowMs: ms(0),
  unknown: oneOf("resend", "hold", "drop"),
  orderWaitMs: ms(0),
  maxSegments: count,
  backoffMs: ms(0),
  pace: z.optional(z.union([z.enum(["by-kind"]), z.literal(false), functionType])),
  perSecond: count,
};
const sweep: Oracle<SweepOptions> = { everyMs: ms(1000), overlapMs: ms(0), answerWithinMs: ms(0) };
const worker: Oracle<WorkerOptions> = { pollMs: ms(1), leaseMs: ms(100), concurrency: count };
const unsafe: Oracle<UnsafeOptions> = {
  withoutOptOut: z.optional(z.boolean()),
  withoutLoopGuard: z.optional(z.boolean()),
};
const rate = z.number().check(z.gt(0, { abort: true }));
const sender = z.union([
  someText,
  objectType({ address: someText, service: z.optional(someText), ratePerSecond: z.optional(rate) }),
]);

const oracle = (senders: z.ZodMiniType, sweeping: z.ZodMiniType) => {
  const shape: Oracle<OwnlineOptions> = {
    senders,
    transport: withMethods("send", "receive", "acknowledge"),
    storage: withMethods("recordInbound", "claimTurn", "claimSend"),
    ai: z.union([functionType, withMethods("reply")]),
    policies: z.optional(
      z.array(z.custom((value) => isObject(value) && typeof Reflect.get(Object(value), "name") === "string")),
    ),
    autoReply: z.optional(z.union([saidText, functionType])),
    burst: z.optional(objectType(burst)),
    answer: z.optional(objectType(answer)),
    history: z.optional(objectType(history)),
    sending: z.optional(objectType(sending)),
    sweep: sweeping,
    worker: z.optional(objectType(worker)),
    queue: z.optional(withMethods("ring")),
    unsafe: z.optional(objectType(unsafe)),
    logger: z.optional(withMethods("debug", "info", "warn", "error")),
    clock: z.optional(withMethods("now", "sleep")),
  };
  return objectType(shape);
};

function pathsByOracle(options: unknown): string[] {
  const given: unknown = isObject(options) ? Reflect.get(Object(options), "senders") : undefined;
  const senders = typeof given === "function" ? functionType : z.array(sender).check(z.minLength(1));
  const isOff = isObject(options) && Reflect.get(Object(options), "sweep") === false;
  const { error } = z.safeParse(oracle(senders, isOff ? z.literal(false) : z.optional(objectType(sweep))), options);
  const paths = (error?.issues ?? []).flatMap((issue) => {
    const path = ["options", ...issue.path].reduce<string>(
      (text, step) =>
        typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
      "",
    );
    return issue.code === "unrecognized_keys" ? issue.keys.map((key) => `${path}.${key}`) : [path];
  });
  return [...new Set(paths)].toSorted();
}

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
    markdown: fc.constantFrom("strip", "keep"),
    typography: fc.constantFrom("fold", "keep"),
  },
  history: { maxMessages: number, maxCharacters: number, select: fn },
  sending: {
    expiryMs: number,
    validityMs: number,
    unknownWindowMs: number,
    unknown: fc.constantFrom("resend", "hold", "drop"),
    orderWaitMs: number,
    maxSegments: number,
    backoffMs: number,
    pace: fc.oneof(fn, fc.constantFrom("by-kind", false)),
    perSecond: number,
  },
  sweep: { everyMs: number, overlapMs: number, answerWithinMs: number },
  worker: { pollMs: number, leaseMs: number, concurrency: number },
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
  storage: methods("recordInbound", "claimTurn", "claimSend"),
  ai: fc.oneof(fn, methods("reply")),
  policies: fc.array(mostly(fc.constant({ name: "mine" }))),
  autoReply: fc.oneof(fn, fc.constant("One moment.")),
  burst: object(group.burst),
  answer: object(group.answer),
  history: object(group.history),
  sending: object(group.sending),
  sweep: fc.oneof(fc.constant(false), object(group.sweep)),
  worker: object(group.worker),
  queue: methods("ring"),
  unsafe: object(group.unsafe),
  logger: methods("debug", "info", "warn", "error"),
  clock: methods("now", "sleep"),
};

describe("the check of the options", () => {
  it("finds what zod finds, in the same places, in any options", () => {
    let wrong = 0;
    fc.assert(
      fc.property(object(whole), (options) => {
        const paths = mistakesIn(options).map(({ path }) => path);
        expect(paths.toSorted()).toEqual(pathsByOracle(options));
        if (paths.length > 0) wrong += 1;
      }),
      { numRuns: 2000 },
    );
    expect(wrong).toBeGreaterThan(500);
  });

  it("finds what zod finds in one option at a time, beside options that are right", () => {
    const good = {
      senders: ["+15703251809"],
      transport: { send() {}, receive() {}, acknowledge() {} },
      storage: { recordInbound() {}, claimTurn() {}, claimSend() {} },
      ai: () => "hi",
    };
    expect(mistakesIn(good)).toEqual([]);
    let right = 0;
    const one = fc
      .constantFrom(...Object.entries<fc.Arbitrary<unknown>>(whole))
      .chain(([key, each]) => mostly(each).map((value) => ({ ...good, [key]: value })));
    fc.assert(
      fc.property(one, (options) => {
        const paths = mistakesIn(options).map(({ path }) => path);
        expect(paths.toSorted()).toEqual(pathsByOracle(options));
        if (paths.length === 0) right += 1;
      }),
      { numRuns: 2000 },
    );
    // Options that are never right, like those that are never wrong, would show little.
    expect(right).toBeGreaterThan(200);
  });
});
