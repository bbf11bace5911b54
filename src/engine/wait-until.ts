/** What a serverless runtime offers for work after the answer, for example a Worker's `ctx`. */
export interface WaitUntil {
  waitUntil(work: Promise<unknown>): void;
}
