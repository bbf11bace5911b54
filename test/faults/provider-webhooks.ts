import { createHmac } from "node:crypto";
import { request } from "node:http";
import { setTimeout as wait } from "node:timers/promises";
import type { ledgerWriter } from "./ledger.ts";
import type { Line, ProviderSettings } from "./network.ts";

/** A text that the provider has recorded. */
export interface Text {
  readonly sid: string;
  readonly direction: "inbound" | "outbound-api";
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly createdAt: number;
  /** From when on the list shows it. */
  readonly listedAt: number;
  status: string;
}

export interface WebhookParts {
  readonly settings: ProviderSettings;
  readonly ledger: ReturnType<typeof ledgerWriter>;
  readonly random: () => number;
  lineOf(number: string): Line;
}

/** What the provider posts to the application. Each call ends after its last post. */
export interface Webhooks {
  /** Posts a person's text until it is acknowledged, as the URL's `#rc=5&rp=all` asks for. */
  deliver(text: Text): Promise<void>;
  /** Plays the delivery of a text of the application, and posts its callbacks. */
  sendOn(text: Text, statusCallback: string): Promise<void>;
}

export function createWebhooks({ settings, ledger, random, lineOf }: WebhookParts): Webhooks {
  let turn = 0;
  const chance = (rate: number): boolean => random() < rate;

  /** Posts to the application. Returns the answer's status, `null` where none came. */
  async function post(line: Line, url: string, params: URLSearchParams, token: string): Promise<number | null> {
    const bare = url.split("#", 1)[0] ?? url;
    const headers = {
      host: new URL(bare).host,
      "content-type": "application/x-www-form-urlencoded; charset=UTF-8",
      "x-twilio-signature": signatureOf(bare, params, token),
    };
    turn += 1;
    for (const [index] of line.backends.entries()) {
      const port = line.backends[(turn + index) % line.backends.length] ?? 0;
      const answer = await ask(port, bare, headers, params.toString(), line.network.webhookTimeoutMs);
      // Like a load balancer: skips a process that takes no connection.
      if (answer !== "refused") return answer;
    }
    return null;
  }

  const common = ({ sid, from, to }: Text, status: string) => ({
    MessageSid: sid,
    SmsSid: sid,
    SmsStatus: status,
    AccountSid: settings.accountSid,
    From: from,
    To: to,
    ApiVersion: "2010-04-01",
  });

  async function report(text: Text, url: string, status: string, forged: boolean): Promise<boolean> {
    const params = new URLSearchParams({ ...common(text, status), MessageStatus: status });
    const token = forged ? `not ${settings.authToken}` : settings.authToken;
    const answer = await post(lineOf(text.from), url, params, token);
    ledger.write({ kind: "callback", sid: text.sid, status, answer, forged });
    return answer !== null && answer >= 200 && answer < 300;
  }

  return {
    async deliver(text) {
      const params = new URLSearchParams({ ...common(text, "received"), Body: text.body, NumMedia: "0" });
      const waits = lineOf(text.to).network.webhookRetryMs;
      for (const [index, pause] of [...waits, 0].entries()) {
        const line = lineOf(text.to);
        ledger.write({ kind: "webhook", sid: text.sid, attempt: index + 1 });
        const status = await post(line, line.publicUrl, params, settings.authToken);
        ledger.write({ kind: "webhook-answer", sid: text.sid, attempt: index + 1, status });
        if (status === 200) return;
        await wait(pause);
      }
    },

    async sendOn(text, statusCallback) {
      const { network } = lineOf(text.from);
      const isLost = chance(network.callbackLoss);
      const isForged = chance(network.callbackForged);
      const isEarly = chance(network.callbackEarly);
      const steps = ["sent", "delivered"];
      if (chance(network.callbackReorder)) steps.reverse();
      for (const [index, status] of steps.entries()) {
        if (!isEarly || index > 0) await wait(random() * network.callbackMs);
        if (text.status !== "delivered") text.status = status;
        if (isForged) await report(text, statusCallback, "failed", true);
        if (isLost) continue;
        for (const pause of [...network.webhookRetryMs, 0]) {
          if (await report(text, statusCallback, status, false)) break;
          await wait(pause);
        }
        if (chance(network.callbackTwice)) await report(text, statusCallback, status, false);
      }
    },
  };
}

function ask(
  port: number,
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  timeoutMs: number,
): Promise<number | "refused" | null> {
  const { pathname, search } = new URL(url);
  return new Promise((resolve) => {
    const call = request({
      host: "127.0.0.1",
      port,
      method: "POST",
      path: pathname + search,
      // Each request uses its own connection, so that it never uses a connection of an ended process.
      agent: false,
      headers,
      signal: AbortSignal.timeout(timeoutMs),
    });
    call.once("response", (answer) => {
      answer.resume();
      answer.once("end", () => resolve(answer.statusCode ?? null));
      answer.once("close", () => resolve(null));
    });
    call.on("error", (error) => resolve("code" in error && error.code === "ECONNREFUSED" ? "refused" : null));
    call.end(body);
  });
}

/** @see https://www.twilio.com/docs/usage/security */
function signatureOf(url: string, params: URLSearchParams, token: string): string {
  const names = [...params.keys()].toSorted((a, b) => (a < b ? -1 : 1));
  const signed = names.reduce((text, name) => text + name + (params.get(name) ?? ""), url);
  return createHmac("sha1", token).update(signed, "utf8").digest("base64");
}
