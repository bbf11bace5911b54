import { env } from "cloudflare:workers";
import worker from "../../examples/hono-worker/src/worker.ts";

/*
 * The example's Worker in a runtime that loses what a runtime may lose. LOSES names it: `wait-until`, the work after
 * the answer; `queue`, every wake-up.
 */
const loses = new Set(String(Reflect.get(env, "LOSES")).split(","));
const nothing = { waitUntil: () => {}, passThroughOnException: () => {}, props: {} };

const faulty: typeof worker = {
  fetch: (request, bindings, ctx) => worker.fetch(request, bindings, loses.has("wait-until") ? nothing : ctx),

  async queue(batch) {
    if (loses.has("queue")) batch.ackAll();
    else await worker.queue(batch);
  },

  scheduled: worker.scheduled,
};

export default faulty;
