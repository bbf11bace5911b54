import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { d1Migrations, FOLDER } from "../../scripts/d1-migrations.ts";
import { SCHEMA_VERSION } from "../../src/storage/sql/meta.ts";
import { BOOTSTRAP, MIGRATIONS, type Migration } from "../../src/storage/sql/schema.ts";

const NEXT = SCHEMA_VERSION + 1;

function next(statement: string): readonly Migration[] {
  return [...MIGRATIONS, { version: NEXT, minWriter: 1, statements: [statement] }];
}

describe("the files for wrangler's migrations of D1", () => {
  it("are what `npm run migrations` makes of the schema, and nothing else", () => {
    const files = readdirSync(FOLDER).map((name): [string, string] => [name, readFileSync(join(FOLDER, name), "utf8")]);
    const hint = "The schema has changed: run `npm run migrations`, and commit what it writes";
    expect(Object.fromEntries(files), hint).toEqual(d1Migrations());
  });

  it("bring the very schema that storage.migrate() makes", () => {
    const schemaOf = (statements: readonly string[]) => {
      const database = new DatabaseSync(":memory:");
      for (const statement of statements) database.exec(statement);
      const tables = database.prepare("select name from sqlite_master where type = 'table' order by name").all();
      const schema = tables.map(({ name }) => [
        name,
        database.prepare(`pragma table_list(${String(name)})`).all(),
        database.prepare(`pragma table_xinfo(${String(name)})`).all(),
      ]);
      const indexes = database.prepare("select name, sql from sqlite_master where type = 'index' order by name").all();
      database.close();
      const words = (sql: unknown): string => String(sql).replace(" if not exists", "").replace(/\s+/g, " ");
      return [schema, indexes.map(({ name, sql }) => [name, words(sql)])];
    };
    const steps = [...BOOTSTRAP, ...MIGRATIONS.flatMap(({ statements }) => statements)];
    expect(schemaOf(Object.values(d1Migrations()))).toEqual(schemaOf(steps));
  });

  it("hold no statement longer than D1 takes, nor a file that is", () => {
    for (const text of Object.values(d1Migrations())) {
      expect(new TextEncoder().encode(text).length).toBeLessThan(100_000);
    }
  });

  it("are one for each step, in the order of their names", () => {
    const names = Object.keys(d1Migrations(next("create table extra (id integer)")));
    expect(names).toEqual(["0001_ownline.sql", "0002_ownline.sql"]);
    expect(names).toEqual(names.toSorted());
  });

  it("raise the version, and never lower it when an older one runs again", () => {
    const database = new DatabaseSync(":memory:");
    const files = Object.values(d1Migrations(next("create table extra (id integer)")));
    for (const file of [...files, ...files]) database.exec(file);
    expect(database.prepare("select version, min_writer from ownline_meta").all()).toEqual([
      { version: NEXT, min_writer: 1 },
    ]);
    expect(database.prepare("select version from ownline_migrations").all()).toHaveLength(NEXT);
    database.close();
  });

  it.each(["alter table ownline_meta add column extra text", "update ownline_meta set version = 9", "drop table x"])(
    "are not made of what fails or harms the second time: %s",
    (statement) => {
      expect(() => d1Migrations(next(statement))).toThrow("cannot run a second time");
    },
  );
});
