/**
 * The error code that `apply` raises if a counter has no room for a charge. Everything else is written before the
 * counters.
 */
export const FULL = "OWN01";

/** The error code that `apply` raises if another process has inserted a row that the load did not find. */
export const PRECEDED = "OWN02";

/** The SQLSTATEs of a failed serialization and of a deadlock. */
const IN_THE_WAY = ["40001", "40P01"];

const UNIQUE_VIOLATION = "23505";

/** The guards that no longer hold; empty if `apply` has written everything. */
export function movedIn(answer: unknown): readonly string[] {
  return Array.isArray(answer) ? answer.map(String) : [];
}

/** Whether PostgreSQL undid everything because of another process, or because a counter is full now. */
export function isUndone(error: unknown): boolean {
  const { code } = fieldsOf(error);
  return code === FULL || code === PRECEDED || IN_THE_WAY.some((one) => one === code);
}

/**
 * The row of a violated unique constraint: the changes insert it, and it exists already. `null` for any other error.
 */
export function takenIn(error: unknown): string | null {
  const { code, constraint, detail } = fieldsOf(error);
  return code === UNIQUE_VIOLATION ? `${constraint} ${detail}` : null;
}

interface ErrorFields {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly detail?: unknown;
}

/** The fields of a server's error (https://www.postgresql.org/docs/current/protocol-error-fields.html). */
function fieldsOf(error: unknown): ErrorFields {
  return typeof error === "object" && error !== null ? error : {};
}
