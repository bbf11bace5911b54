import type { PostgresStep } from "../../../src/storage/postgres/schema.ts";
import { ERASURE } from "./erasure.ts";
import { LOAD } from "./loads.ts";
import { TABLES } from "./tables.ts";
import { APPLY } from "./writes.ts";

/** The schema, as steps. The functions bear the number of the step that made them, and know no rule. */
export const STEPS: readonly PostgresStep[] = [
  { version: 1, minWriter: 1, statements: [...TABLES, ...LOAD, ...APPLY, ...ERASURE] },
];
