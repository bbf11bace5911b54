import { mkdirSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { BOOTSTRAP, MIGRATIONS, type Migration } from "../src/storage/sql/schema.ts";

/** The folder in which `wrangler d1 migrations apply` finds the files. They are part of the package. */
export const FOLDER: string = fileURLToPath(new URL("../migrations/d1/", import.meta.url));

/**
 * The schema as files for `wrangler d1 migrations apply`, by name. Each file makes the same tables as
 * `storage.migrate()`, and does nothing if `storage.migrate()` has run before. So both may be used, in any order.
 *
 * @throws where a step has a statement that fails when it is repeated: such a step must be written in another way.
 */
export function d1Migrations(steps: readonly Migration[] = MIGRATIONS): Readonly<Record<string, string>> {
  return Object.fromEntries(steps.map((step) => [nameOf(step), fileOf(step)]));
}

function nameOf({ version }: Migration): string {
  return `${String(version).padStart(4, "0")}_ownline.sql`;
}

function fileOf({ version, minWriter, statements }: Migration): string {
  const first = version === 1 ? BOOTSTRAP : [];
  return [
    `-- Step ${version} of ownline's schema, made by \`npm run migrations\`. A published file never changes.`,
    ...[...first, ...statements].map((statement) => `${repeatable(statement)};`),
    `insert into ownline_migrations (version, at) values (${version}, cast(unixepoch('subsec') * 1000 as integer))
  on conflict (version) do nothing;`,
    `insert into ownline_meta (id, version, min_writer, secret)
  values (1, ${version}, ${minWriter}, lower(hex(randomblob(32))))
  on conflict (id) do update set
    version = max(version, excluded.version), min_writer = max(min_writer, excluded.min_writer);`,
    "",
  ].join("\n\n");
}

const CREATE = /^create (table|index|unique index) (?:if not exists )?/;

function repeatable(statement: string): string {
  if (statement.startsWith("drop index if exists ")) return statement;
  if (!CREATE.test(statement)) {
    throw new Error(
      `This statement cannot run a second time, after storage.migrate() has run it: ${statement}\n` +
        "Find another way for D1, where both ways of migrating may be used.",
    );
  }
  const indent = /\n( *)\S[^\n]*$/.exec(statement)?.[1] ?? "";
  const isTable = statement.startsWith("create table");
  return statement
    .replace(CREATE, "create $1 if not exists ")
    .replaceAll(isTable ? `\n${indent}` : /\n */g, isTable ? "\n" : "\n  ");
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const [name, text] of Object.entries(d1Migrations())) {
    writeFileSync(FOLDER + name, text);
    console.log(`Wrote migrations/d1/${name}`);
  }
}
