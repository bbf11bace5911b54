import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type SqliteDatabase, sqlite } from "../../src/storage/sqlite.ts";
import { inboundRecord as text } from "./inbound-record.ts";

/** Longer than a test may take: an event loop that waits with SQLite fails it. */
const LONG_MS = 120_000;

let folder = "";
let path = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "ownline-locks-"));
  path = join(folder, "ledger.db");
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Another process that holds the lock for writing, until the test makes it give it back. */
async function lockedByAnotherProcess(): Promise<{ release(): Promise<void> }> {
  const script = `
    import { DatabaseSync } from "node:sqlite";
    const database = new DatabaseSync(${JSON.stringify(path)});
    database.exec("begin immediate");
    process.stdout.write("locked");
    process.stdin.on("end", () => {
      database.exec("commit");
      database.close();
    });
    process.stdin.resume();`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script]);
  const ended = once(child, "close");
  await once(child.stdout, "data");
  return {
    async release() {
      child.stdin.end();
      await ended;
    },
  };
}

/** Lets a call try for the lock, and shows that the event loop goes on. */
async function someTurns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await nextTurn();
}

const Better: new (at: string) => SqliteDatabase = createRequire(import.meta.url)("better-sqlite3");

/** What the caller passes to sqlite(), and how it is closed. */
const sources: readonly [string, () => string | SqliteDatabase][] = [
  ["a path", () => path],
  ["an open node:sqlite database", () => new DatabaseSync(path)],
  ["an open better-sqlite3 database", () => new Better(path)],
];

function open(source: string | SqliteDatabase) {
  if (typeof source !== "string") source.exec(`pragma journal_mode = wal; pragma busy_timeout = ${LONG_MS}`);
  return sqlite(source, { busyTimeoutMs: LONG_MS });
}

describe.each(sources)("on %s, while another process holds the lock for writing", (_, sourceOf) => {
  it("the event loop goes on, reads are answered, and each call succeeds when the lock is free", async () => {
    const source = sourceOf();
    const storage = open(source);
    await storage.open();
    await storage.recordInbound(text("m0"));
    const other = await lockedByAnotherProcess();
    const settled: string[] = [];
    const note = (name: string) => () => void settled.push(name);
    const recorded = storage.recordInbound(text("m1"));
    const beaten = storage.heartbeat({ scope: "default", callId: "1", workerId: "w", leaseMs: 1_000, lookInMs: 1_000 });
    const erased = storage.erase({ callId: "2", participant: "+15550199009", line: null });
    const writes = [recorded.then(note("inbound")), beaten.then(note("heartbeat")), erased.then(note("erase"))];
    await someTurns();
    expect((await storage.conversations({ limit: 9 })).conversations).toHaveLength(1);
    expect(settled).toEqual([]);
    await other.release();
    await Promise.all(writes);
    expect((await recorded).message?.seq).toBe(2);
    const kept = typeof source === "string" ? { timeout: LONG_MS } : source.prepare("pragma busy_timeout").all()[0];
    expect(kept).toEqual({ timeout: LONG_MS });
    await storage.close();
    if (typeof source !== "string") source.close();
  });

  it("close() ends the wait of a call, which says so and has written nothing", async () => {
    const source = sourceOf();
    const storage = open(source);
    await storage.open();
    const other = await lockedByAnotherProcess();
    const waiting = [storage.recordInbound(text("m1")), storage.erase({ callId: "1", participant: "x", line: null })];
    const ended = Promise.allSettled(waiting);
    await someTurns();
    await storage.close();
    const closed = { status: "rejected", reason: expect.objectContaining({ code: "invalid_state" }) };
    expect(await ended).toEqual([closed, closed]);
    await other.release();
    if (typeof source !== "string") source.close();
    const again = sqlite(path);
    expect((await again.conversations({ limit: 9 })).conversations).toEqual([]);
    await again.close();
  });
});

it("a file that is locked when it is first opened is waited for as well", async () => {
  new DatabaseSync(path).close();
  const other = await lockedByAnotherProcess();
  const storage = sqlite(path, { busyTimeoutMs: LONG_MS });
  const opened = storage.open();
  await someTurns();
  await other.release();
  expect((await opened).secret).toHaveLength(64);
  await storage.close();
});
