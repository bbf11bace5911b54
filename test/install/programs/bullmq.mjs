import { Queue, Worker } from "bullmq";
import { bullmq } from "ownline/queue/bullmq";
import { answersForTheOther } from "./wake-ups.mjs";

/* Wake-ups through the installed BullMQ, on the Redis server of OWNLINE_TEST_REDIS_PORT. */
const connection = { host: "127.0.0.1", port: Number(process.env.OWNLINE_TEST_REDIS_PORT) };
const queue = new Queue("beside", { connection });
const worker = (name, processor) =>
  new Worker(name, processor, { connection: { ...connection, maxRetriesPerRequest: null } });
await answersForTheOther({ web: bullmq(queue), worker: bullmq(queue, { worker }) });
await queue.close();
