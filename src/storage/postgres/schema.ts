import { APPLY } from "./apply.ts";
import { ERASURE } from "./erasure.ts";
import { LOAD } from "./loads.ts";
import { TABLES } from "./tables.ts";

/** One numbered step of the schema. A published step never changes; a later change is a new step. */
export interface PostgresStep {
  readonly version: number;
  /**
   * The oldest version of the code that may write to a database after this step. It does not rise as long as old and
   * new code can serve together, as during a deployment.
   */
  readonly minWriter: number;
  readonly statements: readonly string[];
}

/** The version of the schema that this code writes. */
export const SCHEMA_VERSION: number = 1;

/**
 * The schema, as steps. The functions read and write rows, and contain no rule of the ledger. Their names contain the
 * number of their step. So a newer step adds its own functions, and older code still calls the older ones.
 */
export const STEPS: readonly PostgresStep[] = [
  { version: 1, minWriter: 1, statements: [...TABLES, ...LOAD, ...APPLY, ...ERASURE] },
];
