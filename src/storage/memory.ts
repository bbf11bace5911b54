import { refuseUnknownOptions } from "../unknown-fields.ts";
import { type StorageClock, systemClock } from "./clock.ts";
import { ledgerOver } from "./ledger/ledger.ts";
import { memoryDatabase } from "./memory/database.ts";
import type { Storage } from "./storage.ts";

export type { StorageClock } from "./clock.ts";

/** Options of {@link memory}. */
export interface MemoryOptions {
  /** @default the system's clock */
  readonly clock?: StorageClock;
}

/**
 * A ledger in the memory of one process, for tests and first experiments. All data is lost when the process ends, so a
 * text that was acknowledged can stay unanswered. Every call is one synchronous step.
 *
 * @throws OwnlineError `invalid_options` for an unknown option.
 *
 * @example
 * ```ts
 * import { memory } from "ownline/storage/memory";
 *
 * const storage = memory();
 * ```
 */
export function memory(options: MemoryOptions = {}): Storage {
  refuseUnknownOptions("memory()", options, { clock: true });
  const { clock = systemClock } = options;
  return ledgerOver(memoryDatabase(clock));
}
