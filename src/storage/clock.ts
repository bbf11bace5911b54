/** The clock that an embedded storage reads. Databases with a clock of their own do not take one. */
export interface StorageClock {
  /** Unix milliseconds. */
  now(): number;
}

/** The system's clock. */
export const systemClock: StorageClock = { now: () => Date.now() };
