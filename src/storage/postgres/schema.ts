import { APPLY } from "./apply.ts";
import { ERASURE } from "./erasure.ts";
import { LOAD } from "./loads.ts";
import { TABLES } from "./tables.ts";

/** One numbered step of the schema. A step that has been published never changes; what comes next is a new step. */
export interface PostgresStep {
  readonly version: number;
  /**
   * The oldest version of the code that may write to a database after this step. It stays where it is while old and
   * new code can serve together, as during a deploy.
   */
  readonly minWriter: number;
  readonly statements: readonly string[];
}

/** The version of the schema that this code writes. */
export const SCHEMA_VERSION: number = 1;

/**
 * The schema, as steps. The functions know no rule of the ledger: they read and write rows. They bear the number of the
 * step that made them, so that a newer step brings its own beside those that the older code still calls.
 */
export const STEPS: readonly PostgresStep[] = [
  { version: 1, minWriter: 1, statements: [...TABLES, ...LOAD, ...APPLY, ...ERASURE] },
];
