import type { SqlDriver } from "./driver.ts";
import { readMeta } from "./meta.ts";
import { BOOTSTRAP, MIGRATIONS, type Migration } from "./schema.ts";
import { bind, oneLine, prepare } from "./statement.ts";

/**
 * Fails, together with the whole batch, if the step has run already. So if two processes race, only one of them runs
 * the step.
 */
const TAKE_STEP = prepare(
  "insert into ownline_migrations (version, at) values (:version, cast(unixepoch('subsec') * 1000 as integer))",
);

const WRITE_META = prepare(
  oneLine(`
    insert into ownline_meta (id, version, min_writer, secret) values (1, :version, :minWriter, :secret)
    on conflict (id) do update set version = excluded.version, min_writer = excluded.min_writer`),
);

/** See `Storage.migrate`. */
export async function migrate(driver: SqlDriver, steps: readonly Migration[] = MIGRATIONS): Promise<void> {
  let meta = await readMeta(driver);
  const isBehind = (): boolean => (meta?.version ?? 0) < (steps.at(-1)?.version ?? 0);
  if (!isBehind()) return;
  await driver.batch(BOOTSTRAP.map((sql) => bind(prepare(oneLine(sql)), {})));
  for (const step of steps) {
    if (step.version <= (meta?.version ?? 0)) continue;
    try {
      await driver.batch([
        bind(TAKE_STEP, { version: step.version }),
        ...step.statements.map((sql) => bind(prepare(oneLine(sql)), {})),
        bind(WRITE_META, { version: step.version, minWriter: step.minWriter, secret: newSecret() }),
      ]);
    } catch (error) {
      meta = await readMeta(driver);
      if ((meta?.version ?? 0) < step.version) throw error;
    }
  }
}

/** 32 random bytes as 64 hexadecimal digits. */
function newSecret(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
