import { buildIfStale } from "./build.ts";

const PARENT_CHECK_MS = 250;

buildIfStale("js");
const parentCheck = stopWithParent();
// The server runs in this process, so that Ctrl-C and SIGTERM reach it.
await import("../examples/express/src/server.ts");
// The end of the parent process must not count as a second signal.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => clearInterval(parentCheck));

/**
 * A SIGTERM to npm ends npm and its shell, and the shell does not pass it on. So the demo would keep its ports for
 * ever.
 */
function stopWithParent(): NodeJS.Timeout {
  const parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(timer);
    process.kill(process.pid, "SIGTERM");
  }, PARENT_CHECK_MS);
  return timer.unref();
}
