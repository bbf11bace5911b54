/** npm and process managers pass on a signal that this process got by itself, too: together they are one. */
const TOGETHER_MS = 1000;

/**
 * Ends the process after `stop()` at the first SIGINT or SIGTERM, and at once at a second one. That is safe: what was
 * under way stands in the ledger, and the next process goes on with it.
 */
export function endOnSignals(stop: () => Promise<void>): void {
  let firstAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === null) {
      firstAt = performance.now();
      console.log(`${signal}: what is under way is finished or given back. A second signal ends this at once.`);
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error("The server could not end in order; what was under way is in the ledger:", error);
          process.exit(1);
        },
      );
    } else if (performance.now() - firstAt > TOGETHER_MS) {
      console.error(`${signal} again: ended at once. What was under way is in the ledger, for the next start.`);
      process.exit(1);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
