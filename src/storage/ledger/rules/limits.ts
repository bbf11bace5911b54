/*
 * The times and numbers that the rules and all databases share. Each is stated only here.
 */

/** Clocks that are right may differ by up to this. A row written further ahead than this comes from a wrong clock. */
export const CLOCKS_APART_MS: number = 60_000;

/** How long after the due time a worker waits before it takes conversations and messages that it has set aside. */
export const LEFT_TO_OTHERS_MS: number = 30_000;

/** How long the database keeps a stored answer. Also how long it keeps a worker that has expired and holds nothing. */
export const STORED_FOR_MS: number = 60 * 60 * 1000;

/** How many old rows of each kind one heartbeat deletes at most. Fewer are added between two heartbeats. */
export const ROWS_A_HEARTBEAT: number = 5_000;

/** An older decision is made anew, because the database's clock has moved on too far. */
export const OLDEST_DECISION_MS: number = 5_000;

/**
 * How often a call is decided before it fails. A guard that fails this often belongs to a row that many processes write
 * at once.
 */
export const MOST_DECISIONS: number = 20;
