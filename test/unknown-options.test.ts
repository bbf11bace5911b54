import { describe, expect, it } from "vitest";
import * as aiSdk from "../src/ai/ai-sdk.ts";
import * as offline from "../src/ai/offline.ts";
import * as openAi from "../src/ai/openai-compatible.ts";
import { isOwnlineError } from "../src/errors.ts";
import * as express from "../src/http/express.ts";
import * as node from "../src/http/node.ts";
import * as sse from "../src/http/sse.ts";
import { ownline } from "../src/index.ts";
import * as loopGuard from "../src/policy/loop-guard.ts";
import * as optOut from "../src/policy/opt-out.ts";
import * as bullmq from "../src/queue/bullmq.ts";
import * as cloudflare from "../src/queue/cloudflare.ts";
import * as inProcess from "../src/queue/in-process.ts";
import * as pgBoss from "../src/queue/pg-boss.ts";
import * as postgresQueue from "../src/queue/postgres.ts";
import * as d1 from "../src/storage/d1.ts";
import * as memory from "../src/storage/memory.ts";
import * as mongodb from "../src/storage/mongodb.ts";
import * as postgres from "../src/storage/postgres.ts";
import * as sqlite from "../src/storage/sqlite.ts";
import * as twilio from "../src/transport/twilio/twilio.ts";
import { scriptedTransport } from "./engine/rig.ts";

/** What the call refuses, whether it throws or rejects; `""` where it takes the options. */
async function refusalOf(call: (...args: never[]) => unknown, ...args: readonly unknown[]): Promise<string> {
  try {
    await Reflect.apply(call, undefined, args);
  } catch (error) {
    if (isOwnlineError(error) && error.code === "invalid_options") return error.message;
    throw error;
  }
  return "";
}

const fn = (): void => {};
const database = { prepare: fn, batch: fn, exec: fn };
const pool = { query: fn, connect: fn };
const account = { accountSid: `AC${"0".repeat(32)}`, authToken: "t", webhookUrl: "https://example.com/sms" };
const model = { baseUrl: "https://llm.example", apiKey: null, model: "m" };
const request = new Request("https://example.com/");
const allow = () => "allow";

/** Every function of the package that takes options, what stands before them, and options that are right. */
const CALLS: readonly (readonly [string, (...args: never[]) => unknown, readonly unknown[], object, string])[] = [
  ["loopGuard", loopGuard.loopGuard, [], {}, "repeats"],
  ["optOut", optOut.optOut, [], {}, "languages"],
  ["memory", memory.memory, [], {}, "clock"],
  ["sqlite", sqlite.sqlite, [database], {}, "busyTimeoutMs"],
  ["d1", d1.d1, [database], {}, "migrations"],
  ["postgres", postgres.postgres, [pool], {}, "groupCommit"],
  ["mongodb", mongodb.mongodb, [{ collection: fn, client: {} }], {}, "clock"],
  ["inProcess", inProcess.inProcess, [], {}, "clock"],
  ["pgBoss", pgBoss.pgBoss, [{ createQueue: fn, offWork: fn }], {}, "pollMs"],
  ["bullmq", bullmq.bullmq, [{ add: fn, name: "q" }], {}, "worker"],
  ["postgresNotify", postgresQueue.postgresNotify, [pool], {}, "channel"],
  ["consumeBatch", cloudflare.consumeBatch, [{ messages: [], ackAll: fn }, { processDue: fn }], {}, "logger"],
  ["aiSdk", aiSdk.aiSdk, [], { model: "openai/gpt-5-mini" }, "instructions"],
  ["openAiCompatible", openAi.openAiCompatible, [], model, "temperature"],
  ["offline", offline.offline, [], {}, "rules"],
  ["toExpress", express.toExpress, [{ fetch: fn }], {}, "logger"],
  ["toNodeHandler", node.toNodeHandler, [{ fetch: fn }], {}, "logger"],
  ["toRequest", node.toRequest, [{ method: "GET", headers: { host: "example.com" }, socket: {} }], {}, "body"],
  [
    "conversationEvents",
    sse.conversationEvents,
    [{ conversation: () => null }, request],
    { authorize: allow, conversationId: "c" },
    "heartbeatMs",
  ],
  [
    "overviewEvents",
    sse.overviewEvents,
    [{ conversations: () => ({ conversations: [], cursor: null }) }, request],
    { authorize: allow },
    "pageSize",
  ],
  ["twilio", twilio.twilio, [], account, "timeoutMs"],
  ["twilio", twilio.twilio, [], { account: fn, webhookUrl: account.webhookUrl }, "accounts"],
];

/** One letter is missing, as in most typing mistakes. */
const misspelt = (name: string) => name.slice(0, -2) + name.slice(-1);

describe("an option that is not known", () => {
  it.each(CALLS)("is refused by %s() with the one that was meant", async (name, call, before, options, known) => {
    expect(await refusalOf(call, ...before, options)).toBe("");
    const typed = misspelt(known);
    const message = await refusalOf(call, ...before, { ...options, [typed]: 1 });
    expect(message).toMatch(new RegExp(`^${name}\\(\\) cannot start[.:]`));
    expect(message).toContain(`${typed} is not an option: did you mean ${known}?`);
  });

  it.each(CALLS)("does not shadow another one of %s(): all are reported at once", async (_, call, before, options) => {
    const message = await refusalOf(call, ...before, { ...options, first: 1, second: 2, "+15703251809": 3 });
    expect(message).toContain("first is not an option");
    expect(message).toContain("second is not an option");
    expect(message).not.toContain("1809");
  });

  it.each(CALLS)("is not all that %s() refuses: options are an object", async (_, call, before) => {
    for (const wrong of [null, 5, "text"]) {
      expect(await refusalOf(call, ...before, wrong)).toContain("options: give an object of options");
    }
  });

  it.each<[string, (...args: never[]) => unknown, readonly unknown[]]>([
    ["limits[0].maxx", loopGuard.loopGuard, [{ limits: [{ windowMs: 1000, maxx: 1 }] }]],
    ["words.stopp", optOut.optOut, [{ words: { stopp: [] } }]],
    ["replies.hlep", optOut.optOut, [{ replies: { hlep: "Hi." } }]],
    ["rules[0].macth", offline.offline, [{ rules: [{ reply: "b", macth: "c" }] }]],
    ["groupCommit.maxBach", postgres.postgres, [pool, { groupCommit: { maxBach: 5 } }]],
    ["accounts.ttlsMs", twilio.twilio, [{ account: fn, webhookUrl: account.webhookUrl, accounts: { ttlsMs: 5 } }]],
  ])("is named where it stands: %s", async (path, call, args) => {
    expect(await refusalOf(call, ...args)).toContain(`${path} is not an option: did you mean `);
  });
});

describe("options that contradict each other", () => {
  const good = () => ({
    senders: ["+15703251809"],
    transport: scriptedTransport(),
    storage: memory.memory(),
    ai: () => "hi",
  });

  it("are reported together, beside every other mistake", async () => {
    const message = await refusalOf(ownline, {
      ...good(),
      senders: ["570-325-1899", { address: "+15703251809", service: "MG1" }],
      burst: { quietMs: 2000, maxWaitMs: 1999, whileAnswering: "never" },
      sending: { unknownWindowMs: 299_999, backoffMs: -1, rateLimit: "fast" },
      answr: {},
    });
    expect(message.split("\n- ").map((line) => line.split(/:| is /, 1)[0])).toEqual([
      "ownline cannot start",
      "options.senders[0]",
      "options.senders[1].service",
      "options.burst.whileAnswering",
      "options.burst.maxWaitMs",
      "options.sending.backoffMs",
      "options.sending.rateLimit",
      "options.sending.unknownWindowMs",
      "options.answr",
    ]);
    expect(message).not.toMatch(/1899/);
  });

  it.each<[object, string]>([
    [{ burst: { maxWaitMs: 1999 } }, "options.burst.maxWaitMs"],
    [{ burst: { quietMs: 20_000 } }, ""],
    [{ burst: { quietMs: 2000, maxWaitMs: 2000 } }, ""],
    [{ sending: { validityMs: 600_000 } }, ""],
    [{ sending: { validityMs: 600_000, unknownWindowMs: 300_000 } }, "options.sending.unknownWindowMs"],
  ])("count by the defaults where one is left out: %j", async (options, path) => {
    const message = await refusalOf(ownline, { ...good(), ...options });
    expect(message === "" ? "" : message.split(/\. |: /)[1]).toBe(path);
  });

  it("say nothing of a contradiction where one of the two is wrong by itself", async () => {
    const message = await refusalOf(ownline, { ...good(), burst: { quietMs: Number.POSITIVE_INFINITY, maxWaitMs: 1 } });
    expect(message).toMatch(/^ownline cannot start\. options\.burst\.quietMs: give a number of milliseconds/);
  });

  it("are reported together by the policies too", async () => {
    const limits = [
      { max: 0, windowMs: 5000 },
      { max: 1, windowMs: 1000 },
      { max: 2, windowMs: 1000 },
    ];
    expect(await refusalOf(loopGuard.loopGuard, { repeats: 1, limits })).toMatch(
      /- options\.repeats: .*\n- options\.limits\[0\]\.max: .*\n- options\.limits: .*two limits have the same/,
    );
    const words = { stop: ["ENOUGH"], start: ["START", "ENOUGH"], help: ["BAJA"] };
    const message = await refusalOf(optOut.optOut, { words: { ...words, help: ["help me"] }, phrase: [] });
    expect(message.match(/- options\.[\w.[\]]+/g)).toEqual([
      "- options.words.stop",
      "- options.words.help[0]",
      "- options.phrase",
    ]);
    expect((await refusalOf(optOut.optOut, { words: { ...words, stop: ["STOP", "ENOUGH"] } })).split("\n- ")).toEqual([
      "optOut() cannot start:",
      expect.stringContaining("options.words.start"),
      expect.stringContaining("options.words.help"),
    ]);
  });
});
