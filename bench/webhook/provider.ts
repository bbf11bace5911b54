import { createServer } from "node:http";
import { ACCOUNT, OURS, TEXT_BODY } from "./texts.ts";

/** The `fetch` by which every contestant calls the provider. */
export type ProviderFetch = (url: string | URL, init?: RequestInit) => Promise<Response>;

/** Replaces the provider: takes each message at once, and reports when one has come. */
export interface Provider {
  /** Resolves when a message to this person comes. Call it before the person texts. */
  arrival(person: string): Promise<void>;
  /** Takes the form of a message, and returns the provider's answer as JSON. */
  take(form: string): string;
  /**
   * The messages from one number to another, as JSON. It has one text from a person, and none that was sent to a
   * person.
   */
  list(url: URL): string;
}

const API = "https://api.twilio.com";
const CREATED = { status: 201, headers: { "content-type": "application/json" } } as const;

export function provider(): Provider {
  const waiting = new Map<string, () => void>();
  let taken = 0;
  return {
    arrival: (person) => new Promise((resolve) => waiting.set(person, resolve)),
    take(form) {
      const params = new URLSearchParams(form);
      const to = params.get("To") ?? "";
      taken += 1;
      waiting.get(to)?.();
      waiting.delete(to);
      const sid = `SM${taken.toString(16).padStart(32, "f")}`;
      return JSON.stringify(messageResource({ sid, to, from: params.get("From"), body: params.get("Body") }));
    },
    list({ searchParams }) {
      const [from, to] = [searchParams.get("From"), searchParams.get("To") ?? ""];
      const text = { sid: `SM${"e".repeat(32)}`, to, from, body: TEXT_BODY };
      return JSON.stringify({ messages: to === OURS ? [messageResource(text, "inbound")] : [] });
    },
  };
}

/** The provider in this process: no socket, and the same work for every contestant. */
export function fetchInProcess({ take, list }: Provider): ProviderFetch {
  return async (url, init) =>
    init?.method === "GET"
      ? new Response(list(new URL(url)), { headers: CREATED.headers })
      : new Response(take(String(init?.body ?? "")), CREATED);
}

/** The provider over loopback, for contestants in other processes. */
export async function listenAsProvider({ take }: Provider): Promise<{ readonly url: string; close(): Promise<void> }> {
  const server = createServer((request, response) => {
    let form = "";
    request.setEncoding("utf8");
    request.on("data", (chunk) => {
      form += chunk;
    });
    request.on("end", () => response.writeHead(CREATED.status, CREATED.headers).end(take(form)));
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A `fetch` that sends requests for Twilio to such a provider. */
export function fetchOverLoopback(url: string): ProviderFetch {
  return (asked, init) => fetch(String(asked).replace(API, url), init);
}

/** https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource */
function messageResource(
  { sid, to, from, body }: Readonly<Record<"sid" | "to", string> & Record<"from" | "body", string | null>>,
  direction: "inbound" | "outbound-api" = "outbound-api",
) {
  return {
    account_sid: ACCOUNT,
    api_version: "2010-04-01",
    body,
    date_created: "Thu, 24 Aug 2023 05:01:45 +0000",
    date_sent: null,
    date_updated: "Thu, 24 Aug 2023 05:01:45 +0000",
    direction,
    error_code: null,
    error_message: null,
    from,
    messaging_service_sid: null,
    num_media: "0",
    num_segments: "1",
    price: null,
    price_unit: null,
    sid,
    status: direction === "inbound" ? "received" : "queued",
    subresource_uris: { media: `/2010-04-01/Accounts/${ACCOUNT}/Messages/${sid}/Media.json` },
    to,
    uri: `/2010-04-01/Accounts/${ACCOUNT}/Messages/${sid}.json`,
  };
}
