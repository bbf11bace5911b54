import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { SCHEMA_VERSION } from "../../src/storage/sql/meta.ts";
import { type SqliteDatabase, sqlite } from "../../src/storage/sqlite.ts";
import { claimOne } from "../../src/testing/contracts/storage/scene.ts";
import { inboundRecord as text } from "./inbound-record.ts";

const SQLITE_URL = new URL("../../src/storage/sqlite.ts", import.meta.url).href;

const PAGE_BYTES = 4_096;

let folder = "";
let path = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ownline-quirks-"));
  path = join(folder, "ledger.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Runs a module in a process of its own, with `sqlite`, `path` and `text(id)` at hand. */
function run(script: string) {
  const prelude = `
    import { sqlite } from ${JSON.stringify(SQLITE_URL)};
    const path = ${JSON.stringify(path)};
    const template = ${JSON.stringify(text("ID"))};
    const text = (id) => JSON.parse(JSON.stringify(template).replaceAll("ID", id));`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", prelude + script]);
  const lines: string[] = [];
  child.stdout.setEncoding("utf8").on("data", (data: string) => lines.push(...data.split("\n").filter(Boolean)));
  let problems = "";
  child.stderr.setEncoding("utf8").on("data", (data: string) => {
    problems += data;
  });
  const ended = once(child, "close").then(() => ({ lines, problems }));
  return { child, lines, ended };
}

function writer(name: string) {
  return run(`
    const storage = sqlite(path);
    await storage.open();
    for (let n = 0; n < 40; n += 1) await storage.recordInbound(text("${name}" + n));
    await storage.close();`).ended;
}

describe("a process that dies", () => {
  it("has kept every text whose call returned", async () => {
    const { child, lines, ended } = run(`
      const storage = sqlite(path);
      await storage.open();
      for (let n = 1; ; n += 1) {
        await storage.recordInbound(text("m" + n));
        process.stdout.write("m" + n + "\\n");
      }`);
    child.stdout.on("data", () => lines.length >= 5 && child.kill("SIGKILL"));
    await ended;
    expect(lines.length).toBeGreaterThanOrEqual(5);
    const storage = sqlite(path);
    await storage.open();
    for (const id of lines) {
      expect((await storage.recordInbound(text(id))).outcome, id).toBe("repeated");
    }
    await storage.close();
  });
});

describe("several processes on one file", () => {
  it("migrate it once, and agree on the secret", async () => {
    const children = Array.from({ length: 4 }, () =>
      run(`
        const storage = sqlite(path);
        process.stdout.write((await storage.open()).secret + "\\n");
        await storage.close();`),
    );
    const results = await Promise.all(children.map(({ ended }) => ended));
    expect(results.map(({ problems }) => problems)).toEqual(["", "", "", ""]);
    expect(new Set(results.flatMap(({ lines }) => lines)).size).toBe(1);
    const database = new DatabaseSync(path);
    expect(database.prepare("select count(*) as steps from ownline_migrations").get()).toEqual({
      steps: SCHEMA_VERSION,
    });
    database.close();
  });

  it("give every text its own place in the conversation", async () => {
    const results = await Promise.all([writer("a"), writer("b")]);
    expect(results.map(({ problems }) => problems)).toEqual(["", ""]);
    const storage = sqlite(path);
    const { conversations } = await storage.conversations({ limit: 10 });
    expect(conversations).toHaveLength(1);
    const conversationId = conversations[0]?.id ?? "";
    const messages = await storage.messages({ conversationId, limit: 100, after: 0 });
    expect(messages.map((message) => message.seq)).toEqual(Array.from({ length: 80 }, (_, index) => index + 1));
    await storage.close();
  });
});

describe("a file that refuses", () => {
  it("says that it is locked, and takes the same call later", async () => {
    const storage = sqlite(path, { busyTimeoutMs: 20 });
    await storage.open();
    const other = new DatabaseSync(path);
    other.exec("begin immediate");
    await expect(storage.recordInbound(text("m1"))).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: true,
      message: expect.stringContaining("locked"),
      cause: expect.any(Error),
    });
    await expect(storage.conversations({ limit: 1 })).resolves.toEqual({ conversations: [], cursor: null });
    other.exec("rollback");
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
    other.close();
    await storage.close();
  });

  it("says that it is read-only", async () => {
    const storage = sqlite(path);
    await storage.open();
    await storage.close();
    const database = new DatabaseSync(path, { readOnly: true });
    const readOnly = sqlite(database);
    await readOnly.open();
    await expect(readOnly.recordInbound(text("m1"))).rejects.toMatchObject({
      code: "storage_unavailable",
      message: expect.stringContaining("read-only"),
    });
    database.close();
  });

  it("says that it cannot grow, writes nothing, and goes on when there is room", async () => {
    const database = new DatabaseSync(path);
    const storage = sqlite(database);
    await storage.open();
    const { page_count: pages } = database.prepare("pragma page_count").get() ?? {};
    database.exec(`pragma max_page_count = ${String(pages)}`);
    const long = text("m1", { body: "x".repeat(50_000) });
    await expect(storage.recordInbound(long)).rejects.toMatchObject({
      code: "storage_unavailable",
      retryable: true,
      message: expect.stringContaining("cannot grow"),
    });
    expect(database.isTransaction).toBe(false);
    expect(await storage.story("m1")).toBeNull();
    database.exec("pragma max_page_count = 100000");
    expect((await storage.recordInbound(long)).outcome).toBe("recorded");
    database.close();
  });

  it("says that it is not a database, and that it cannot be opened", async () => {
    writeFileSync(path, "This is a letter, not a database. ".repeat(100));
    const letter = { code: "storage_unavailable", retryable: false, message: expect.stringContaining("not an SQLite") };
    await expect(sqlite(path).open()).rejects.toMatchObject(letter);
    const nowhere = { code: "storage_unavailable", message: expect.stringContaining("create its folder") };
    await expect(sqlite(join(folder, "missing", "ledger.db")).open()).rejects.toMatchObject(nowhere);
  });

  it("says at once that its path is a folder's", () => {
    const refused = { code: "invalid_options", message: expect.stringContaining("is a folder") };
    for (const mistaken of [folder, `${folder}/`, "."]) {
      expect(() => sqlite(mistaken)).toThrow(expect.objectContaining(refused));
    }
  });

  it("says that it is damaged", async () => {
    const storage = sqlite(path);
    await storage.open();
    await storage.close();
    writeFileSync(path, readFileSync(path).fill(0xaa, PAGE_BYTES));
    const damaged = { code: "storage_unavailable", retryable: false, message: expect.stringContaining("damaged") };
    await expect(sqlite(path).open()).rejects.toMatchObject(damaged);
  });
});

describe("the schema", () => {
  it("is asked for where open() may not make it", async () => {
    const storage = sqlite(path, { migrate: false });
    const missing = { code: "storage_unmigrated", message: expect.stringContaining("storage.migrate()") };
    await expect(storage.open()).rejects.toMatchObject(missing);
    await storage.migrate();
    await storage.migrate();
    await expect(storage.open()).resolves.toMatchObject({ secret: expect.stringMatching(/^[0-9a-f]{64}$/) });
    await storage.close();
  });

  it("is refused when only newer code may write to it, and not before", async () => {
    const database = new DatabaseSync(path);
    const storage = sqlite(database);
    const { secret } = await storage.open();
    database.exec("update ownline_meta set version = 9");
    await expect(storage.open()).resolves.toEqual({ secret });
    database.exec("update ownline_meta set min_writer = 9");
    const newer = { code: "storage_unmigrated", message: expect.stringContaining("install the newer ownline") };
    await expect(storage.open()).rejects.toMatchObject(newer);
    database.close();
  });
});

describe("a runtime without node:sqlite", () => {
  it("says what to do when a path is given, and takes an open database", async () => {
    const database = new DatabaseSync(":memory:");
    vi.spyOn(process, "getBuiltinModule").mockReturnValue(undefined);
    expect(() => sqlite("ledger.db")).toThrow(
      expect.objectContaining({
        code: "storage_unsupported",
        message: expect.stringMatching(/Node 24.*better-sqlite3.*memory\(\)/),
      }),
    );
    const storage = sqlite(database);
    await expect(storage.open()).resolves.toHaveProperty("secret");
  });
});

describe("a mistaken call", () => {
  it.each(["", undefined, null, {}, 5])("refuses %j in the place of a path or a database", (source) => {
    const mistake = { code: "invalid_options", message: expect.stringContaining('sqlite("ownline.db")') };
    expect(() => Reflect.apply(sqlite, undefined, [source])).toThrow(expect.objectContaining(mistake));
  });

  it.each([-1, 0.5, Number.NaN])("refuses a busy timeout of %d", (busyTimeoutMs) => {
    expect(() => sqlite(path, { busyTimeoutMs })).toThrow(expect.objectContaining({ code: "invalid_options" }));
  });
});

describe("a database of the caller", () => {
  it("stays open when the storage is closed, which then refuses", async () => {
    const database = new DatabaseSync(path);
    const storage = sqlite(database);
    await storage.open();
    await storage.close();
    await expect(storage.conversation("c1")).rejects.toMatchObject({ code: "invalid_state" });
    expect(database.prepare("select 1 as one").get()).toEqual({ one: 1 });
    database.close();
  });

  it("must not be inside a transaction", async () => {
    const database = new DatabaseSync(path);
    const storage = sqlite(database);
    await storage.open();
    database.exec("begin");
    await expect(storage.recordInbound(text("m1"))).rejects.toMatchObject({
      code: "invalid_state",
      message: expect.stringContaining("commit it before"),
    });
    database.exec("rollback");
    expect((await storage.recordInbound(text("m1"))).outcome).toBe("recorded");
    database.close();
  });

  it("keeps its journal mode, and flushes every commit", async () => {
    const database = new DatabaseSync(path);
    database.exec("pragma synchronous = off");
    await sqlite(database).open();
    expect(database.prepare("pragma synchronous").get()).toEqual({ synchronous: 2 });
    expect(database.prepare("pragma journal_mode").get()).toEqual({ journal_mode: "delete" });
    expect(database.prepare("pragma busy_timeout").get()).toEqual({ timeout: 5_000 });
    database.close();
  });

  it("may hand integers over as bigint", async () => {
    const database = new DatabaseSync(path, { readBigInts: true });
    const storage = sqlite(database);
    await storage.open();
    const { message } = await storage.recordInbound(text("m1"));
    expect(message?.seq).toBe(1);
    const turn = await claimOne(storage, { scope: "default", callId: "1", workerId: "w", leaseMs: 1_000 });
    expect(turn).toMatchObject({ fence: 1, messages: [message] });
    database.close();
  });
});

describe("a file of our own", () => {
  it("is in WAL mode, so that readers do not wait", async () => {
    const storage = sqlite(path);
    await storage.open();
    const database = new DatabaseSync(path);
    expect(database.prepare("pragma journal_mode").get()).toEqual({ journal_mode: "wal" });
    database.close();
    await storage.close();
  });
});

describe("texts", () => {
  const Better: new (path: string) => SqliteDatabase = createRequire(import.meta.url)("better-sqlite3");
  const odd = "NUL \0, half a pair \ud83d, the other \ude00, whole 😀, \u2028, \"quoted\", 'so' \\u0000 \\";
  const drivers = [
    ["node:sqlite", () => new DatabaseSync(":memory:")],
    ["better-sqlite3", () => new Better(":memory:")],
  ] as const;

  it.each(drivers)("keep every character that JavaScript can hold, over %s", async (_name, open) => {
    const storage = sqlite(open());
    await storage.open();
    const media = [{ url: `https://example.com/${odd}`, contentType: odd }];
    const { message, conversation } = await storage.recordInbound(text("m1", { body: odd, media }));
    expect(message).toMatchObject({ body: odd, media });
    const turn = await claimOne(storage, { scope: "default", callId: "1", workerId: "w", leaseMs: 1_000 });
    await storage.commitTurn({
      callId: "2",
      workerId: "w",
      conversationId: conversation?.id ?? "",
      turnId: turn?.turn.id ?? "",
      fence: turn?.fence ?? 0,
      throughSeq: 1,
      outcome: "replied",
      supersede: false,
      pause: false,
      parts: [{ id: "o1", body: odd, media, encoding: "UCS-2", segments: 1 }],
      expiryMs: 1_000,
    });
    expect((await storage.story("o1"))?.message).toMatchObject({ body: odd, media });
    await storage.close();
  });

  it.each(["a\0b", "a\ud800b"])("are refused as ids and addresses with %j, which SQL would change", async (id) => {
    const storage = sqlite(":memory:");
    await storage.open();
    const refused = { code: "invalid_message", message: expect.stringContaining("half a surrogate pair") };
    await expect(storage.recordInbound(text("m1", { key: id }))).rejects.toMatchObject(refused);
    await expect(storage.recordInbound(text("m1", { participant: id }))).rejects.toMatchObject(refused);
    await storage.close();
  });
});
