import { openSync, writeSync } from "node:fs";
import { createServer } from "node:http";
import { toNodeHandler } from "../../src/http/node.ts";
import { type OwnlineOptions, ownline } from "../../src/index.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type FetchFunction, twilio } from "../../src/transport/twilio/twilio.ts";
import { type Plan, passer, pointedAi, pointedStorage, pointedTransport } from "./crash-points.ts";
import { LEFT_AT_HEADER } from "./network.ts";
import { FALLBACK, scriptedAi } from "./script.ts";
import { openStorage } from "./storages.ts";
import type { Trace } from "./trace.ts";

/** A service built on ownline, as a process that fails where its plan says so. */
export interface EngineSettings {
  readonly number: string;
  readonly publicUrl: string;
  readonly apiUrl: string;
  readonly accountSid: string;
  readonly authToken: string;
  readonly storageUrl: string;
  readonly plans: readonly Plan[];
  /** By how many milliseconds this process's clock is wrong. */
  readonly clockOffsetMs: number;
  /** How long the AI takes for a text, and for a slow one. */
  readonly fastMs: number;
  readonly slowMs: number;
  /** The file into which the process writes what it holds. */
  readonly traceFile: string;
  readonly transportTimeoutMs: number;
  /** Whether it migrates the ledger before it starts. */
  readonly migrates?: boolean;
  readonly options: Pick<OwnlineOptions, "burst" | "answer" | "sending" | "sweep" | "worker">;
}

const settings: EngineSettings = JSON.parse(process.env.OWNLINE_FAULTS_ENGINE ?? "{}");
const trueNow = Date.now;
if (settings.clockOffsetMs !== 0) Date.now = () => trueNow() + settings.clockOffsetMs;

/** When a request left, as the network would show it. */
const stamped: FetchFunction = (url, init) => {
  const headers = new Headers(init.headers);
  headers.set(LEFT_AT_HEADER, String(trueNow()));
  return fetch(url, { ...init, headers });
};

const traceHandle = openSync(settings.traceFile, "a");
function note(trace: Trace): void {
  writeSync(traceHandle, `${JSON.stringify(trace)}\n`);
}

/**
 * Writes down what this process holds, so that the harness knows which conversations wait when the process ends. The
 * judge does not use this.
 */
function tracing(storage: Storage): Storage {
  const people = new Map<string, string>();
  let claims = 0;
  const ended = (conversationId: string) => {
    note({ kind: "turn", person: people.get(conversationId) ?? "", held: false });
  };
  return {
    ...storage,
    async claimTurns(claim) {
      const claimed = await storage.claimTurns(claim);
      for (const { conversation } of claimed) {
        people.set(conversation.id, conversation.participant);
        claims += 1;
        note({ kind: "turn", person: conversation.participant, held: true });
      }
      return claimed;
    },
    async commitTurn(commit) {
      const committed = await storage.commitTurn(commit);
      ended(commit.conversationId);
      return committed;
    },
    async releaseTurn(release) {
      const wasHeld = await storage.releaseTurn(release);
      ended(release.conversationId);
      return wasHeld;
    },
    async heartbeat(heartbeat) {
      const before = claims;
      const answer = await storage.heartbeat(heartbeat);
      // The call may have been made before a claim, and the claim's answer came first.
      if (before !== claims) return answer;
      note({ kind: "leases", people: answer.leases.map(({ conversationId }) => people.get(conversationId) ?? "") });
      return answer;
    },
    async claimSend(claim) {
      const claimed = await storage.claimSend(claim);
      if (claimed.outcome === "claimed") note({ kind: "send", person: claimed.message.to, held: true });
      return claimed;
    },
    async recordSend(record) {
      const delivery = await storage.recordSend(record);
      if (delivery.message !== null) note({ kind: "send", person: delivery.message.to, held: false });
      return delivery;
    },
  };
}

const { pass, plan } = passer(settings.plans);
const storage = pointedStorage(tracing(await openStorage(settings.storageUrl)), pass);
const { number, publicUrl, apiUrl, accountSid, authToken, transportTimeoutMs } = settings;

const sms = ownline({
  senders: [number],
  transport: pointedTransport(
    twilio({ accountSid, authToken, webhookUrl: publicUrl, apiUrl, timeoutMs: transportTimeoutMs, fetch: stamped }),
    pass,
  ),
  storage,
  ai: pointedAi(scriptedAi(settings), pass),
  ...settings.options,
  answer: { ...settings.options.answer, fallbackText: FALLBACK },
  // People text a hundred times faster in this test than real people do.
  unsafe: { withoutLoopGuard: true },
});
sms.on("notice", ({ kind }) => note({ kind: "notice", notice: kind }));
sms.on("error", ({ code }) => note({ kind: "error", code }));

const handle = toNodeHandler(sms);
const server = createServer((request, response) => {
  if (request.url?.includes("ownline=") === false) response.once("finish", () => void pass("after:ack"));
  handle(request, response);
});

async function deploy(): Promise<void> {
  // The order of a clean end: no new requests, then the work, then the ledger.
  server.close();
  server.closeIdleConnections();
  await sms.stop({ timeoutMs: 2000 });
  await sms.close();
  process.exit(0);
}
process.once("SIGTERM", () => void deploy());
process.on("message", (said) => plan(JSON.parse(String(said))));
// The parent process has ended, for any reason.
process.once("disconnect", () => process.exit(1));

if (settings.migrates === true) await storage.migrate();
await sms.start();
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.({ port: address.port });
});
