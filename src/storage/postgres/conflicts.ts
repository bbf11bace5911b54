/** What `apply` raises where a counter has no room left when everything else is written. */
export const FULL = "OWN01";

/** What `apply` raises where another process has inserted a row since it was looked for. */
export const PRECEDED = "OWN02";

/** A failed serialization and a deadlock. */
const IN_THE_WAY = ["40001", "40P01"];

const UNIQUE_VIOLATION = "23505";

/** What has moved since it was loaded; empty where everything was written. */
export function movedIn(answer: unknown): readonly string[] {
  return Array.isArray(answer) ? answer.map(String) : [];
}

/** Whether everything was undone since another process was first or in the way, or since a counter is full now. */
export function isUndone(error: unknown): boolean {
  const { code } = fieldsOf(error);
  return code === FULL || code === PRECEDED || IN_THE_WAY.some((one) => one === code);
}

/** Which row was there already that the changes insert; `null` where the error is another one. */
export function takenIn(error: unknown): string | null {
  const { code, constraint, detail } = fieldsOf(error);
  return code === UNIQUE_VIOLATION ? `${constraint} ${detail}` : null;
}

interface ErrorFields {
  readonly code?: unknown;
  readonly constraint?: unknown;
  readonly detail?: unknown;
}

/** What the server says of an error (https://www.postgresql.org/docs/current/protocol-error-fields.html). */
function fieldsOf(error: unknown): ErrorFields {
  return typeof error === "object" && error !== null ? error : {};
}
