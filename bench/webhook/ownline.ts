import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { ownline } from "../../src/index.ts";
import { memory } from "../../src/storage/memory.ts";
import { mongodb } from "../../src/storage/mongodb.ts";
import { postgres } from "../../src/storage/postgres.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { twilio } from "../../src/transport/twilio/twilio.ts";
import { type Factories, openLedger } from "../ledgers.ts";
import type { Contestant, ContestantSpec, Setup } from "./contestant.ts";
import { ACCOUNT, ANSWER, HOOK, OURS, TOKEN } from "./texts.ts";

/** A build of the package. */
interface Build extends Factories {
  readonly ownline: typeof ownline;
  readonly twilio: typeof twilio;
}

const PRESENT: Build = { ownline, twilio, memory, sqlite, postgres, mongodb };
const silent = { debug() {}, info() {}, warn() {}, error: console.error };

/** The package as a service sets it up, with every safety on, but without a burst window and without a rate limit. */
export async function ownlineContestant(
  { ledger: spec, build: dist, isEarlier = false }: Extract<ContestantSpec, { kind: "ownline" }>,
  { answers, fetch }: Setup,
): Promise<Contestant> {
  const build = dist === null ? PRESENT : await buildIn(dist);
  const ledger = await openLedger(spec, build);
  const sending: { rateLimit?: false; pace?: false } = isEarlier ? { pace: false } : { rateLimit: false };
  const sms = build.ownline({
    senders: [OURS],
    transport: build.twilio({ accountSid: ACCOUNT, authToken: TOKEN, webhookUrl: HOOK, fetch }),
    storage: ledger.storage,
    ai: () => ANSWER,
    burst: { quietMs: 0 },
    sending,
    sweep: false,
    logger: silent,
  });
  if (answers) await sms.start();
  return {
    handle: (request) => sms.fetch(request),
    async close() {
      await sms.stop();
      await ledger.close();
    },
  };
}

async function buildIn(dist: string): Promise<Build> {
  const load = (path: string) => import(pathToFileURL(join(dist, path)).href);
  const [core, transport, ...storages] = await Promise.all([
    load("index.js"),
    load("transport/twilio.js"),
    ...["memory", "sqlite", "postgres", "mongodb"].map((name) => load(`storage/${name}.js`)),
  ]);
  return Object.assign({ ownline: core.ownline, twilio: transport.twilio }, ...storages);
}
