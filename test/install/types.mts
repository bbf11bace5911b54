/** A service that hands each adapter the client of the package that is installed beside ownline. */
import { generateText, type LanguageModel, type ToolSet } from "ai";
import { Queue, Worker } from "bullmq";
import { MongoClient } from "mongodb";
import { type Ai, type Queue as OwnlineQueue, ownline, type Storage } from "ownline";
import { aiSdk } from "ownline/ai/ai-sdk";
import { bullmq } from "ownline/queue/bullmq";
import { pgBoss } from "ownline/queue/pg-boss";
import { postgresNotify } from "ownline/queue/postgres";
import { mongodb } from "ownline/storage/mongodb";
import { postgres } from "ownline/storage/postgres";
import { twilio } from "ownline/transport/twilio";
import pg from "pg";
import type * as boss from "pg-boss";
import client from "twilio";

/** pg-boss 10 and 11 export the class as the default, 12 by its name. */
type Boss = typeof boss extends { readonly PgBoss: abstract new (...args: never[]) => infer Instance }
  ? Instance
  : typeof boss extends { readonly default: abstract new (...args: never[]) => infer Instance }
    ? Instance
    : never;
type IsAny<T> = 0 extends 1 & T ? true : false;

declare const model: LanguageModel;
declare const tools: ToolSet;
declare const started: Boss;
export const typed: readonly false[] = [
  false satisfies IsAny<LanguageModel>,
  false satisfies IsAny<Boss>,
  false satisfies IsAny<Queue>,
  false satisfies IsAny<MongoClient>,
  false satisfies IsAny<pg.Pool>,
  false satisfies IsAny<ReturnType<typeof client>>,
];

export const ai: Ai = aiSdk({ model, tools, temperature: 0.3, instructions: "Answer in one short text." });
export const answer: Promise<{ readonly text: string }> = generateText({ model, prompt: "Hello" });
const connection = { host: "127.0.0.1" };
export const queues: readonly OwnlineQueue[] = [
  bullmq(new Queue("ownline", { connection }), {
    worker: (name, processor) =>
      new Worker(name, processor, { connection: { ...connection, maxRetriesPerRequest: null } }),
  }),
  pgBoss(started),
  postgresNotify(new pg.Pool()),
];
export const storages: readonly Storage[] = [
  mongodb(new MongoClient("mongodb://127.0.0.1:27017").db("sms")),
  postgres(new pg.Pool()),
];
const sms = ownline({
  senders: ["+15703251809"],
  transport: twilio({
    client: client(`AC${"a".repeat(32)}`, "token"),
    authToken: "token",
    webhookUrl: "https://example.com/api/webhooks/sms",
  }),
  storage: postgres(new pg.Pool()),
  ai,
});
export const POST: (request: Request) => Promise<Response> = sms.fetch;
