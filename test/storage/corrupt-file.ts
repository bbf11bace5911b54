import { DatabaseSync } from "node:sqlite";
import type { SqliteDatabase } from "../../src/storage/sqlite.ts";
import type { CorruptedRow, RowName } from "../../src/testing/contracts/storage.ts";
import { corruptSql } from "./corrupt-sql.ts";

/** Breaks a row of a ledger in a file, over a connection of its own. */
export async function corruptFile(path: string, row: RowName): Promise<CorruptedRow> {
  const database = new DatabaseSync(path);
  const { column, mend } = await corruptIn(database, row);
  database.close();
  return {
    column,
    async mend() {
      const again = new DatabaseSync(path);
      await mend(again);
      again.close();
    },
  };
}

interface CorruptedIn {
  readonly column: string;
  mend(database: SqliteDatabase): Promise<void>;
}

/** Breaks a row over a connection that is open. */
export async function corruptIn(database: SqliteDatabase, row: RowName): Promise<CorruptedIn> {
  let over = database;
  const { column, mend } = await corruptSql(async (sql, values) => {
    const statement = over.prepare(sql);
    if (sql.startsWith("select ")) return statement.all(...values).map((found) => Object(found));
    statement.run(...values);
    return [];
  }, row);
  return {
    column,
    async mend(later) {
      over = later;
      await mend();
    },
  };
}
