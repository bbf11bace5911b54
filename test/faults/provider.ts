import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text as readAll } from "node:stream/consumers";
import { setTimeout as wait } from "node:timers/promises";
import { ledgerWriter, type Outgoing } from "./ledger.ts";
import { generator, LEFT_AT_HEADER, type Line, type ProviderSettings } from "./network.ts";
import { createWebhooks, type Text } from "./provider-webhooks.ts";

/*
 * A provider as a process of its own: the part of Twilio's REST API that ownline's transport uses, signed webhooks,
 * status callbacks, and all network faults. It uses no code of ownline. Only its ledger on disk decides what was sent.
 */
const settings: ProviderSettings = JSON.parse(process.env.OWNLINE_FAULTS_PROVIDER ?? "{}");
const ledger = ledgerWriter(settings.ledgerFile);
const random = generator(settings.seed);
const lines = new Map<string, Line>();
/**
 * By the person's number for texts of the application, and by the application's number for texts of a person. The lists
 * are filtered in this way.
 */
const byRecipient = new Map<string, Text[]>();
let lastSid = 0;
let lastRequest = 0;

const chance = (rate: number): boolean => random() < rate;
const newSid = (): string => `SM${(++lastSid).toString(16).padStart(32, "0")}`;

function lineOf(number: string): Line {
  const line = lines.get(number);
  if (line === undefined) throw new Error(`the provider does not have the number ${number}`);
  return line;
}

const webhooks = createWebhooks({ settings, ledger, random, lineOf });

function book(text: Text): void {
  const known = byRecipient.get(text.to);
  if (known === undefined) byRecipient.set(text.to, [text]);
  else known.push(text);
}

/** A person texts one of the application's numbers. */
function takeText({ from, to, body }: { from: string; to: string; body: string }): string {
  const { network } = lineOf(to);
  const sid = newSid();
  const { at } = ledger.write({ kind: "text", sid, from, to, body });
  const listedAt = at + network.listLagMs;
  const text: Text = { sid, direction: "inbound", from, to, body, createdAt: at, listedAt, status: "received" };
  book(text);
  if (!chance(network.webhookLoss)) void webhooks.deliver(text);
  if (chance(network.webhookTwice)) void webhooks.deliver(text);
  return sid;
}

/** Twilio's answers to a create call, and the network faults. */
async function create(form: URLSearchParams, leftAt: number, response: ServerResponse): Promise<void> {
  const from = form.get("From") ?? "";
  const statusCallback = form.get("StatusCallback") ?? "";
  const [, outboundId = "", attempt = "0"] =
    /^(.+)\.(\d+)$/.exec(new URL(statusCallback).searchParams.get("ownline") ?? "") ?? [];
  const outgoing: Outgoing = {
    outboundId,
    attempt: Number(attempt),
    from,
    to: form.get("To") ?? "",
    body: form.get("Body") ?? "",
    leftAt,
  };
  // Without its time, the judge could not judge the request.
  if (!Number.isFinite(leftAt)) throw new Error(`a request to send came without ${LEFT_AT_HEADER}`);
  const { network } = lineOf(from);
  lastRequest += 1;
  const request = String(lastRequest);
  ledger.write({ kind: "post", request, ...outgoing });

  const refuse = (status: number, code: number, headers: Record<string, string> = {}) => {
    ledger.write({ kind: "refused", request, status });
    answer(response, status, { code, message: "refused", more_info: "", status }, headers);
  };
  if (chance(network.tooMany)) return refuse(429, 20429, { "retry-after": String(network.retryAfterSeconds) });
  if (chance(network.dropBefore)) return void response.destroy();
  if (chance(network.errorBefore)) return refuse(500, 20500);
  if (chance(network.hangBefore)) return;

  const sid = newSid();
  const { at } = ledger.write({
    kind: "taken",
    request,
    sid,
    listedAt: Date.now() + network.listLagMs,
    ...outgoing,
  });
  const text: Text = {
    sid,
    direction: "outbound-api",
    from,
    to: outgoing.to,
    body: outgoing.body,
    createdAt: at,
    listedAt: at + network.listLagMs,
    status: "queued",
  };
  book(text);
  void webhooks.sendOn(text, statusCallback);
  if (chance(network.dropAfter)) return void response.destroy();
  if (chance(network.errorAfter)) return answer(response, 500, { code: 20500, message: "broken", status: 500 });
  if (chance(network.hangAfter)) return;
  await wait(random() * network.answerMs);
  answer(response, 201, resourceOf(text));
}

/** The list of messages, newest first: https://www.twilio.com/docs/messaging/api/message-resource */
async function list(url: URL, response: ServerResponse): Promise<void> {
  const to = url.searchParams.get("To") ?? "";
  const from = url.searchParams.get("From");
  const after = Date.parse(url.searchParams.get("DateSent>") ?? "") || 0;
  const size = Number(url.searchParams.get("PageSize") ?? 50);
  const page = Number(url.searchParams.get("Page") ?? 0);
  const network = lines.get(from ?? to)?.network;
  if (network !== undefined && chance(network.listError)) {
    return answer(response, 503, { code: 20503, message: "unavailable", status: 503 });
  }
  const now = Date.now();
  const shown = (byRecipient.get(to) ?? []).filter(
    (text) => text.listedAt <= now && text.createdAt >= after && (from === null || text.from === from),
  );
  const messages = shown.toReversed().slice(page * size, (page + 1) * size);
  if (from !== null) ledger.write({ kind: "list", to, sids: messages.map(({ sid }) => sid) });
  const next = new URL(url);
  next.searchParams.set("Page", String(page + 1));
  const more = shown.length > (page + 1) * size;
  answer(response, 200, {
    messages: messages.map(resourceOf),
    next_page_uri: more ? next.pathname + next.search : null,
  });
}

function resourceOf({ sid, direction, from, to, body, createdAt, status }: Text): Record<string, unknown> {
  const date = new Date(createdAt).toUTCString().replace("GMT", "+0000");
  return {
    sid,
    account_sid: settings.accountSid,
    direction,
    from,
    to,
    body,
    status,
    date_created: date,
    date_sent: date,
    date_updated: date,
    messaging_service_sid: null,
    num_media: "0",
    error_code: null,
  };
}

function numbers(): Record<string, unknown> {
  const owned = [...lines.values()].map(({ number, publicUrl }) => ({
    phone_number: number,
    sms_url: publicUrl,
    sms_method: "POST",
    capabilities: { sms: true, mms: false, voice: false },
  }));
  return { incoming_phone_numbers: owned, next_page_uri: null };
}

function answer(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(JSON.stringify(body));
}

async function route(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://provider");
  const body = request.method === "POST" ? await readAll(request) : "";
  const resource = url.pathname.split(`/Accounts/${settings.accountSid}/`)[1] ?? url.pathname;
  switch (`${request.method} ${resource}`) {
    case "POST Messages.json":
      return create(new URLSearchParams(body), Number(request.headers[LEFT_AT_HEADER]), response);
    case "GET Messages.json":
      return list(url, response);
    case "GET IncomingPhoneNumbers.json":
      return answer(response, 200, numbers());
    case "GET SMS/ShortCodes.json":
      return answer(response, 200, { short_codes: [], next_page_uri: null });
    case "POST /control/line": {
      const line: Line = JSON.parse(body);
      lines.set(line.number, line);
      return answer(response, 200, {});
    }
    case "POST /control/text":
      return answer(response, 200, { sid: takeText(JSON.parse(body)) });
    default:
      return answer(response, 404, { code: 20404, message: "not found", status: 404 });
  }
}

const server = createServer((request, response) => {
  route(request, response).catch((error: unknown) => {
    console.error(error);
    response.destroy();
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  if (typeof address === "object" && address !== null) process.send?.({ port: address.port });
});
// The parent process has ended, for any reason.
process.once("disconnect", () => process.exit());
