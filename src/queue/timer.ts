/** The longest delay that timers support; a longer one fires at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Resolves after `ms`, or when the signal is aborted, and then leaves no timer. It does not keep the process alive. */
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
    // The timer must not keep the process alive. In runtimes where timers are numbers, timers do not keep it alive.
    if (typeof held === "object" && held !== null && "unref" in held && typeof held.unref === "function") {
      held.unref();
    }
  });
}
