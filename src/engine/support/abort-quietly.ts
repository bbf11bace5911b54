/**
 * Aborts what only waits, such as a timer that is not needed any more. Without a reason, `abort()` makes a DOMException
 * with a stack, which was 2 % of the CPU time of a replied turn on `memory()`.
 */
export function abortQuietly(controller: AbortController): void {
  controller.abort(null);
}
