import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { SCHEMA_VERSION } from "../src/storage/sql/meta.ts";
import { CREATE_PROCEDURES, type ProcedureRow, procedureRows } from "../src/storage/sql/procedures/rows.ts";
import { BOOTSTRAP, MIGRATIONS, type Migration } from "../src/storage/sql/schema.ts";

/** Where `wrangler d1 migrations apply` finds the files; they ship with the package. */
export const FOLDER: string = fileURLToPath(new URL("../migrations/d1/", import.meta.url));

/** The constant by which the code finds its own procedures in a database. */
export const DIGEST_FILE: string = fileURLToPath(new URL("../src/storage/sql/procedures-digest.ts", import.meta.url));

/** The digests of released versions: their files stay as they are, whatever the procedures become. */
export const RELEASED: readonly string[] = [];

/**
 * The schema as the files that `wrangler d1 migrations apply` takes, by name. Each writes the same two tables as
 * `storage.migrate()`, and does nothing where that was faster; so both may be used, in any order.
 *
 * @throws where a step holds a statement that fails when it is repeated: such a step needs another way.
 */
export function d1Migrations(steps: readonly Migration[] = MIGRATIONS): Readonly<Record<string, string>> {
  return Object.fromEntries(steps.map((step) => [nameOf(step), fileOf(step)]));
}

/** A name for this very content of the procedures. */
export function digestOf(rows: readonly ProcedureRow[]): string {
  return createHash("sha256").update(JSON.stringify(rows)).digest("hex").slice(0, 16);
}

/** What {@link DIGEST_FILE} says. */
export function digestSource(digest: string): string {
  return `/** Names the procedures that this code runs. Written by \`npm run migrations\`. */
export const PROCEDURES_DIGEST: string = "${digest}";
`;
}

/** The file that brings the procedures, and its name. It does nothing where `storage.migrate()` was faster. */
export function procedureFile(rows: readonly ProcedureRow[] = procedureRows()): readonly [string, string] {
  const digest = digestOf(rows);
  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  const inserts = rows.map(
    ({
      name,
      steps,
    }) => `insert into ownline_procedures (digest, name, steps) values ('${digest}', '${name}', ${quoted(steps)})
  on conflict (digest, name) do nothing;`,
  );
  const text = [
    `-- The statements of ownline's ledger, for the version of the code that asks for digest ${digest}. Made by
-- \`npm run migrations\`. A published file never changes.`,
    `${CREATE_PROCEDURES};`,
    ...inserts,
    "",
  ].join("\n\n");
  return [`${String(SCHEMA_VERSION).padStart(4, "0")}_procedures_${digest}.sql`, text];
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

/** A file of procedures that no version brought to anybody. */
function isOutdated(name: string): boolean {
  const [, digest] = /_procedures_(\w+)\.sql$/.exec(name) ?? [];
  return digest !== undefined && !RELEASED.includes(digest);
}

if (import.meta.main) {
  mkdirSync(FOLDER, { recursive: true });
  for (const name of readdirSync(FOLDER).filter(isOutdated)) rmSync(FOLDER + name);
  for (const [name, text] of [...Object.entries(d1Migrations()), procedureFile()]) {
    writeFileSync(FOLDER + name, text);
    console.log(`Wrote migrations/d1/${name}`);
  }
  writeFileSync(DIGEST_FILE, digestSource(digestOf(procedureRows())));
  console.log("Wrote src/storage/sql/procedures-digest.ts");
}
