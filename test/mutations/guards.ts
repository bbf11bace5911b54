import { clockGuards } from "./guards-clock.ts";
import { concurrencyGuards } from "./guards-concurrency.ts";
import { corruptGuards } from "./guards-corrupt.ts";
import { engineGuards } from "./guards-engine.ts";
import { memoryGuards } from "./guards-memory.ts";
import { mongodbGuards } from "./guards-mongodb.ts";
import { postgresGuards } from "./guards-postgres.ts";
import { sqlGuards } from "./guards-sql.ts";
import type { Mutation } from "./mutation.ts";

/** Every guard that a promise hangs on, and how it is removed. */
export const guards: readonly Mutation[] = [
  ...engineGuards,
  ...memoryGuards,
  ...concurrencyGuards,
  ...clockGuards,
  ...sqlGuards,
  ...postgresGuards,
  ...mongodbGuards,
  ...corruptGuards,
];
