/** npm and process managers send a signal to this process that it also gets by itself: the two count as one. */
const TOGETHER_MS = 1000;

/**
 * Ends the process after `stop()` at the first SIGINT or SIGTERM, and at once at a second one. That is safe: the work
 * under way is in the ledger, and the next process continues it.
 */
export function endOnSignals(stop: () => Promise<void>): void {
  let firstAt: number | null = null;
  const onSignal = (signal: NodeJS.Signals) => {
    if (firstAt === null) {
      firstAt = performance.now();
      console.log(`${signal}: finishing or giving back the work under way. A second signal ends this at once.`);
      stop().then(
        () => process.exit(0),
        (error: unknown) => {
          console.error("The server could not stop cleanly. The work under way is in the ledger:", error);
          process.exit(1);
        },
      );
    } else if (performance.now() - firstAt > TOGETHER_MS) {
      console.error(`${signal} again: ended at once. The work under way is in the ledger, for the next start.`);
      process.exit(1);
    }
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
}
