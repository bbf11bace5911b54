import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SCHEMA_VERSION } from "../../../src/storage/postgres/schema.ts";
import { SCHEMA_VERSION as SQLITE_VERSION } from "../../../src/storage/sql/meta.ts";
import { bundle, type Plugin, programs } from "../programs.ts";

/** The code that a process runs: the present one, or a possible next version with a next schema. */
export type Version = "present" | "sqlite-next" | "postgres-next" | "mongodb-next";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const CLIENT = at("../../../src/storage/postgres/client.ts");
/**
 * The file that names the version which SQLite's code writes. It is apart from the schema, which a Worker does not
 * bundle.
 */
const META = at("../../../src/storage/sql/meta.ts");
/** For each file of the present schema, the file of the next one, which imports it. */
const NEXT_SCHEMAS: ReadonlyMap<string, string> = new Map([
  [at("../../../src/storage/sql/schema.ts"), at("next-sqlite-schema.ts")],
  [at("../../../src/storage/postgres/schema.ts"), at("next-postgres-schema.ts")],
  [at("../../../src/storage/mongodb/schema.ts"), at("next-mongodb-schema.ts")],
]);

/** The program of a version, built into a folder. */
export async function engineOf(version: Version, dir: string): Promise<string> {
  switch (version) {
    case "present":
      return (await programs()).engine;
    case "sqlite-next":
    case "postgres-next":
    case "mongodb-next":
      await bundle(join(dir, version), [nextSchema]);
      return join(dir, version, "engine.mjs");
    default:
      return version satisfies never;
  }
}

const nextSchema: Plugin = {
  name: "next-schema",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /\/schema\.ts$/ }, ({ path, importer, resolveDir }) => {
      const next = NEXT_SCHEMAS.get(resolve(resolveDir, path));
      return next === undefined || next === importer ? undefined : { path: next };
    });
    onLoad({ filter: /\/meta\.ts$/ }, async ({ path }) => {
      if (path !== META) return undefined;
      const source = await readFile(path, "utf8");
      const contents = source.replace(/(?<=SCHEMA_VERSION: number = )\d+/, String(SQLITE_VERSION + 1));
      if (contents === source) throw new Error("the version of SQLite's schema is not in meta.ts any more");
      return { contents, loader: "ts" };
    });
    onLoad({ filter: /\/client\.ts$/ }, async ({ path }) => {
      if (path !== CLIENT) return undefined;
      const source = await readFile(path, "utf8");
      const contents = source.replaceAll(`ownline_${SCHEMA_VERSION}_`, `ownline_${SCHEMA_VERSION + 1}_`);
      if (contents === source) throw new Error("the calls of PostgreSQL's functions are not in client.ts any more");
      return { contents, loader: "ts" };
    });
  },
};
