/** What a serverless runtime offers for work after the answer, for example a Worker's `ctx`. */
export interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}

/** Whether a framework's second argument is such a context: some hand over route parameters instead. */
export function isWaitUntil(ctx: unknown): ctx is WaitUntil {
  return typeof ctx === "object" && ctx !== null && "waitUntil" in ctx && typeof ctx.waitUntil === "function";
}
