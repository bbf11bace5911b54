/** Longest delay that timers take; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after `ms`, or as soon as the signal is aborted: then no timer is left. Keeps no process alive. */
export function timer(ms: number, { signal }: { readonly signal?: AbortSignal } = {}): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const done = () => {
      clearTimeout(handle);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const handle = setTimeout(done, Math.min(Math.max(0, ms), MAX_TIMER_MS));
    signal?.addEventListener("abort", done, { once: true });
    const held: unknown = handle;
    // A timer alone is no reason for a process to live; where timers are numbers, nothing holds one.
    if (typeof held === "object" && held !== null && "unref" in held && typeof held.unref === "function") {
      held.unref();
    }
  });
}
