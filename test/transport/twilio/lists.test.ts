import nock from "nock";
import createClient from "twilio";
import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../../src/errors.ts";
import { type FetchFunction, twilio } from "../../../src/transport/twilio/twilio.ts";
import { ACCOUNT, API, answering, common, failing, MESSAGES, SERVICE, TOKEN, WEBHOOK } from "./rest-scene.ts";

function entry(sid: string, date: string, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sid,
    account_sid: ACCOUNT,
    from: "+15703251809",
    to: "+12345678900",
    body: "hi",
    status: "sent",
    direction: "outbound-api",
    num_media: "0",
    messaging_service_sid: null,
    date_created: date,
    date_sent: null,
    ...more,
  };
}

/** Pages by their number; notes the URLs. */
function paging(key: string, pages: readonly (readonly unknown[])[], urls: URL[] = []): FetchFunction {
  return async (href) => {
    const url = new URL(href);
    urls.push(url);
    const page = Number(url.searchParams.get("Page") ?? 0);
    const next = page + 1 < pages.length ? `${url.pathname}?PageSize=100&Page=${page + 1}&PageToken=x` : null;
    return Response.json({ [key]: pages[page] ?? [], next_page_uri: next });
  };
}

async function failureOf(fetch: FetchFunction): Promise<unknown> {
  const error: unknown = await twilio({ ...common, fetch })
    .senders()
    .catch((thrown: unknown) => thrown);
  expect(isOwnlineError(error)).toBe(true);
  return error;
}

const numbersAndCodes: FetchFunction = async (href) =>
  Response.json(
    href.includes("ShortCodes")
      ? { short_codes: [{ short_code: "384387", sms_url: "https://example.com/s" }], next_page_uri: null }
      : {
          incoming_phone_numbers: [
            { phone_number: "+15703251809", capabilities: { sms: true, mms: false, voice: true }, sms_url: "" },
          ],
          next_page_uri: null,
        },
  );

describe("reading Twilio's lists", () => {
  const since = Date.parse("2026-11-20T10:00:00Z");

  it("says why a text of ours failed, and whether the failure is temporary", async () => {
    const date = "Fri, 20 Nov 2026 10:00:01 +0000";
    const fetch = paging("messages", [
      [
        entry("SM4", date),
        entry("SM3", date, { status: "failed", error_code: 30001 }),
        entry("SM2", date, { status: "undelivered", error_code: 30003 }),
        entry("SM1", date, { status: "failed", error_code: null }),
      ],
    ]);
    const { messages } = await twilio({ ...common, fetch }).find({ from: "+15703251809", to: "+12345678900", since });
    expect(
      messages.map(({ providerMessageId, error, temporary }) => [providerMessageId, error?.code, temporary]),
    ).toEqual([
      ["SM4", undefined, undefined],
      ["SM3", 30001, true],
      ["SM2", 30003, undefined],
      ["SM1", null, undefined],
    ]);
  });

  it("finds our texts by numbers and date of creation, and stops at the first old page", async () => {
    const urls: URL[] = [];
    const fetch = paging(
      "messages",
      [
        [entry("SM3", "Fri, 20 Nov 2026 10:00:03 +0000"), entry("SM4", "Fri, 20 Nov 2026 10:00:05 +0000")],
        [
          entry("SM2", "Fri, 20 Nov 2026 10:00:00 +0000", { status: "queued" }),
          entry("SM1", "Fri, 20 Nov 2026 09:59:59 +0000"),
        ],
        [entry("SM0", "Fri, 20 Nov 2026 09:00:00 +0000")],
        [entry("SM9", "Fri, 20 Nov 2026 12:00:00 +0000")],
      ],
      urls,
    );
    const query = { from: "+15703251809", to: "+12345678900", since };
    const { messages: found } = await twilio({ ...common, fetch }).find(query);
    expect(found.map(({ providerMessageId }) => providerMessageId)).toEqual(["SM4", "SM3", "SM2"]);
    expect(found[2]).toEqual({
      providerMessageId: "SM2",
      from: "+15703251809",
      to: "+12345678900",
      body: "hi",
      mediaCount: 0,
      status: "accepted",
      createdAt: since,
    });
    expect(urls).toHaveLength(3);
    expect(Object.fromEntries(urls[0]?.searchParams ?? [])).toEqual({
      From: "+15703251809",
      To: "+12345678900",
      PageSize: "100",
    });
  });

  it("finds by Messaging Service, whose texts may have no number yet", async () => {
    const urls: URL[] = [];
    const date = "Fri, 20 Nov 2026 10:00:03 +0000";
    const fetch = paging(
      "messages",
      [
        [
          entry("SM1", date, { messaging_service_sid: SERVICE, from: null }),
          entry("SM2", date),
          entry("SM3", date, { status: "received" }),
        ],
      ],
      urls,
    );
    const { messages } = await twilio({ ...common, fetch }).find({ from: SERVICE, to: "+12345678900", since });
    expect(messages).toMatchObject([{ providerMessageId: "SM1", from: null, mediaCount: null }]);
    expect(urls[0]?.searchParams.has("From")).toBe(false);
  });

  it("lists what came in, oldest first, with its pictures in the person's order", async () => {
    const mine = { direction: "inbound", status: "received", from: "+12345678900", to: "+15703251809" };
    const urls: URL[] = [];
    const fetch: FetchFunction = async (href) => {
      urls.push(new URL(href));
      if (href.includes("/Media.json")) {
        const uri = `/2010-04-01/Accounts/${ACCOUNT}/Messages/MM1/Media`;
        const media_list = ["ME2", "ME1"].map((sid) => ({ uri: `${uri}/${sid}.json`, content_type: "image/png" }));
        return Response.json({ media_list, next_page_uri: null });
      }
      return Response.json({
        messages: [
          entry("SM2", "Fri, 20 Nov 2026 10:00:09 +0000", mine),
          entry("SM3", "Fri, 20 Nov 2026 10:00:08 +0000"),
          entry("MM1", "Fri, 20 Nov 2026 10:00:01 +0000", {
            ...mine,
            num_media: "2",
            body: "",
            messaging_service_sid: SERVICE,
          }),
          entry("SM0", "Fri, 20 Nov 2026 09:00:01 +0000", mine),
        ],
        next_page_uri: null,
      });
    };
    const { messages: found } = await twilio({ ...common, fetch }).listInbound({ to: "+15703251809", since });
    expect(found).toMatchObject([{ providerMessageId: "MM1" }, { providerMessageId: "SM2", media: [], service: null }]);
    expect(found[0]).toEqual({
      key: `${ACCOUNT}:MM1`,
      providerMessageId: "MM1",
      from: "+12345678900",
      to: "+15703251809",
      service: SERVICE,
      body: "",
      media: ["ME1", "ME2"].map((sid) => ({
        url: `${API}/2010-04-01/Accounts/${ACCOUNT}/Messages/MM1/Media/${sid}`,
        contentType: "image/png",
      })),
      optOut: null,
      occurredAt: since + 1000,
    });
    expect(urls[0]?.searchParams.get("DateSent>")).toBe("2026-11-19T10:00:00Z");
    const asked: (readonly string[])[] = [];
    const unrecorded = async (keys: readonly string[]) => {
      asked.push(keys);
      return keys.filter((key) => key !== `${ACCOUNT}:MM1`);
    };
    urls.length = 0;
    const left = await twilio({ ...common, fetch }).listInbound({ to: "+15703251809", since, unrecorded });
    expect(asked).toEqual([[`${ACCOUNT}:SM2`, `${ACCOUNT}:MM1`]]);
    expect(left.messages.map(({ providerMessageId }) => providerMessageId)).toEqual(["SM2"]);
    // What is known already costs no request for its pictures.
    expect(urls).toHaveLength(1);
  });

  it("lists what came in last by Twilio's clock, not by ours", async () => {
    const mine = { direction: "inbound", status: "received", from: "+12345678900", to: "+15703251809" };
    const urls: URL[] = [];
    const pages = paging(
      "messages",
      [
        [
          entry("SM3", "Fri, 20 Nov 2026 10:00:09 +0000", mine),
          entry("SM2", "Fri, 20 Nov 2026 09:59:59 +0000", mine),
          entry("SM1", "Fri, 20 Nov 2026 09:59:58 +0000", mine),
        ],
        [entry("SM0", "Fri, 20 Nov 2026 09:00:00 +0000", mine)],
        [entry("SM9", "Fri, 20 Nov 2026 10:00:00 +0000", mine)],
      ],
      urls,
    );
    const dated: FetchFunction = async (...asked) => {
      const answer = await pages(...asked);
      answer.headers.set("Date", "Fri, 20 Nov 2026 10:00:59 GMT");
      return answer;
    };
    const query = { to: "+15703251809", since: { lastMs: 60_000 } };
    const { messages: texts, asOf } = await twilio({ ...common, fetch: dated }).listInbound(query);
    expect(texts.map(({ providerMessageId }) => providerMessageId)).toEqual(["SM2", "SM3"]);
    expect(asOf).toBe(Date.parse("2026-11-20T10:00:59Z"));
    expect(urls).toHaveLength(2);
    expect(urls[0]?.searchParams.has("DateSent>")).toBe(false);
    await expect(twilio({ ...common, fetch: pages }).listInbound(query)).rejects.toMatchObject({
      code: "transport_unavailable",
      message: expect.stringContaining("Date"),
    });
  });

  it("reads Twilio's clock, over fetch and through the official client alike, and null where there is none", async () => {
    const query = { from: "+15703251809", to: "+12345678900", since };
    const scope = nock(API).get(MESSAGES).query(true).times(2);
    scope.reply(200, { messages: [], next_page_uri: null }, { Date: "Fri, 20 Nov 2026 10:00:59 GMT" });
    const asOf = Date.parse("2026-11-20T10:00:59Z");
    expect(await twilio(common).find(query)).toEqual({ messages: [], asOf });
    const client = createClient(ACCOUNT, TOKEN);
    expect(await twilio({ client, authToken: TOKEN, webhookUrl: WEBHOOK }).find(query)).toEqual({ messages: [], asOf });
    const undated = answering(200, { messages: [], next_page_uri: null });
    expect(await twilio({ ...common, fetch: undated }).find(query)).toEqual({ messages: [], asOf: null });
  });

  it("names the numbers and short codes of the account", async () => {
    expect(await twilio({ ...common, fetch: numbersAndCodes }).senders()).toEqual([
      { address: "+15703251809", capabilities: ["sms", "voice"], webhookUrl: "" },
      { address: "384387", capabilities: ["sms"], webhookUrl: "https://example.com/s", posts: "elsewhere" },
    ]);
  });

  it.each<[string, string, boolean, FetchFunction]>([
    ["bad credentials", "transport_rejected", false, answering(401, { code: 20003 })],
    ["an unknown account", "transport_rejected", false, answering(404, { code: 20404 })],
    ["too many requests", "transport_unavailable", true, answering(429, { code: 20429 })],
    ["a failing API", "transport_unavailable", true, answering(503, "")],
    ["no connection", "transport_unavailable", true, failing(Object.assign(new Error(), { code: "ECONNREFUSED" }))],
    ["an answer that is no JSON", "transport_unavailable", true, answering(200, "<html>")],
    ["an answer without its list", "transport_unavailable", true, answering(200, {})],
    [
      "pages that run in a circle",
      "transport_unavailable",
      true,
      answering(200, { incoming_phone_numbers: [], next_page_uri: "/again" }),
    ],
  ])("says so after %s", async (_, code, retryable, fetch) => {
    expect(await failureOf(fetch)).toMatchObject({ code, retryable });
  });

  it("never follows a next page to another host, since the request carries the credentials", async () => {
    const hosts: string[] = [];
    const error = await failureOf(async (href) => {
      hosts.push(new URL(href).host);
      return Response.json({ incoming_phone_numbers: [], next_page_uri: "https://evil.example/x" });
    });
    expect(error).toMatchObject({ code: "transport_unavailable" });
    expect(hosts).toEqual(["api.twilio.com"]);
  });
});
