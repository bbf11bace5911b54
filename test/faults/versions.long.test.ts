import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MongoClient } from "mongodb";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it, vi } from "vitest";
import { SCHEMA_VERSION as MONGODB_VERSION } from "../../src/storage/mongodb/schema.ts";
import { SCHEMA_VERSION as POSTGRES_VERSION } from "../../src/storage/postgres/schema.ts";
import { SCHEMA_VERSION as SQLITE_VERSION } from "../../src/storage/sql/meta.ts";
import { WITHOUT_MONGODB } from "../databases/mongodb.ts";
import { type LedgerKind, type MatrixLedgers, matrixLedgers } from "./matrix-ledgers.ts";
import { rollout } from "./versions/rollout.ts";
import type { Version } from "./versions/versions.ts";

vi.setConfig({ testTimeout: 180_000 });

interface Case {
  readonly kind: LedgerKind;
  readonly before: Version;
  readonly after: Version;
  readonly versions: readonly [before: number, after: number];
  readonly betweenTextsMs: number;
}

const CASES: readonly Case[] = [
  {
    kind: "sqlite",
    before: "present",
    after: "sqlite-next",
    versions: [SQLITE_VERSION, SQLITE_VERSION + 1],
    betweenTextsMs: 200,
  },
  {
    kind: "postgres",
    before: "present",
    after: "postgres-next",
    versions: [POSTGRES_VERSION, POSTGRES_VERSION + 1],
    betweenTextsMs: 200,
  },
  {
    kind: "mongodb",
    before: "present",
    after: "mongodb-next",
    versions: [MONGODB_VERSION, MONGODB_VERSION + 1],
    // DocumentDB is slow.
    betweenTextsMs: 600,
  },
];

const mongodbUrl = inject("mongodbUrl");

let dir: string;
let ledgers: MatrixLedgers;
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), "ownline-versions-"));
  ledgers = matrixLedgers(dir, mongodbUrl);
});
afterAll(async () => {
  await ledgers[Symbol.asyncDispose]();
  rmSync(dir, { recursive: true, force: true });
});

async function schemaOf(url: string): Promise<unknown> {
  const sql = "select version from ownline_meta";
  if (url.startsWith("sqlite:")) {
    using database = new DatabaseSync(url.slice("sqlite:".length).split("?", 1)[0] ?? "");
    return database.prepare(sql).get()?.version;
  }
  if (url.startsWith("mongodb:")) {
    const client = new MongoClient(url);
    const meta = await client.db().collection("ownline_meta").findOne();
    await client.close();
    return meta?.version;
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query(sql);
  await client.end();
  return rows[0]?.version;
}

describe("a version that is rolled out while people text", () => {
  it.for(CASES)(
    "serves beside the one before on $kind: each text answered once and in order",
    async (given, { skip }) => {
      const { kind, before, after, versions, betweenTextsMs } = given;
      skip(kind === "mongodb" && mongodbUrl === "", WITHOUT_MONGODB);
      await using ledger = await ledgers.open(kind, `versions_${process.pid}`, false);
      // Four processes wait for one file.
      const storageUrl = ledger.url.replace("busy=300", "busy=2000");
      await using on = await rollout({
        dir: join(dir, kind),
        storageUrl,
        versions: [before, after],
        seed: 5,
        betweenTextsMs,
      });
      const first = await on.start(before);
      const second = await on.start(before);
      expect(await schemaOf(storageUrl)).toBe(versions[0]);
      const stopTexting = on.letPeopleText();
      await on.allWork(first, second);

      const third = await on.start(after, true);
      expect(await schemaOf(storageUrl)).toBe(versions[1]);
      await on.allWork(first, second, third);

      // The process is killed, and started again on the newer schema: first with the older code, then with the newer.
      await on.kill(first);
      const fourth = await on.start(before);
      await on.allWork(second, third, fourth);
      await on.kill(third);
      const fifth = await on.start(after);
      await on.allWork(second, fourth, fifth);

      for (const old of [second, fourth]) expect(await on.deploy(old), old.output()).toBe(0);
      await on.allWork(fifth);
      await stopTexting();
      await on.allAnswered();
      const { violations, silentDuplicates, frozenDuplicates } = on.verdict();
      expect([violations, silentDuplicates, frozenDuplicates], on.output()).toEqual([[], 0, 0]);
    },
  );
});
