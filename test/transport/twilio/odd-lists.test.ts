import { describe, expect, it } from "vitest";
import { type FetchFunction, twilio } from "../../../src/transport/twilio/twilio.ts";
import { ACCOUNT, answering, common } from "./rest-scene.ts";

const OURS = "+15703251809";
const PERSON = "+12345678900";
const DATE = "Fri, 20 Nov 2026 10:00:03 +0000";
const since = Date.parse("2026-11-20T10:00:00Z");
const GOOD = `SM${"1".repeat(32)}`;
const ODD = `SM${"2".repeat(32)}`;

function entry(sid: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    sid,
    account_sid: ACCOUNT,
    from: PERSON,
    to: OURS,
    body: "hi",
    status: "received",
    direction: "inbound",
    num_media: "0",
    messaging_service_sid: null,
    date_created: DATE,
    ...more,
  };
}

const sent = (sid: unknown, more: Record<string, unknown> = {}) =>
  entry(sid, { from: OURS, to: PERSON, status: "sent", direction: "outbound-api", ...more });

const listing = (...messages: unknown[]): FetchFunction => answering(200, { messages, next_page_uri: null });

const odd: [string, unknown, string | null, RegExp][] = [
  ["no sender", entry(ODD, { from: null }), ODD, /no from/],
  ["an empty sender", entry(ODD, { from: "" }), ODD, /no from/],
  ["no number of ours", entry(ODD, { to: 5 }), ODD, /no to/],
  ["a body that is an object", entry(ODD, { body: { text: "hi" } }), ODD, /body/],
  ["a count of media that is a word", entry(ODD, { num_media: "some" }), ODD, /num_media/],
  ["a date that is none", entry(ODD, { date_created: "yesterday" }), ODD, /date_created/],
  ["no date", entry(ODD, { date_created: null }), ODD, /date_created/],
  ["no direction", entry(ODD, { direction: undefined }), ODD, /direction/],
  ["no id", entry(undefined), null, /no sid/],
  ["an id with a control character", entry("SM\u0000"), null, /no sid/],
  ["an account that is not an id", entry(ODD, { account_sid: "not one" }), ODD, /account_sid/],
  ["nothing at all", null, null, /no sid/],
];

describe("an odd entry of Twilio's list", () => {
  it.each(odd)("with %s is named, and what stands beside it is listed", async (_, bad, providerMessageId, reason) => {
    const fetch = listing(entry(GOOD), bad);
    const listed = await twilio({ ...common, fetch }).listInbound({ to: OURS, since });
    expect(listed.messages.map((text) => text.providerMessageId)).toEqual([GOOD]);
    expect(listed.unreadable).toEqual([{ providerMessageId, reason: expect.stringMatching(reason) }]);
  });

  it("is not named where its text is stored already", async () => {
    const fetch = listing(entry(ODD, { from: null }));
    const listed = await twilio({ ...common, fetch }).listInbound({ to: OURS, since, unrecorded: async () => [] });
    expect(listed).toEqual({ messages: [], asOf: null });
  });

  it("has no text where Twilio says null", async () => {
    const { messages: texts } = await twilio({ ...common, fetch: listing(entry(GOOD, { body: null })) }).listInbound({
      to: OURS,
      since,
    });
    expect(texts).toMatchObject([{ body: "" }]);
  });

  it.each<[string, FetchFunction]>([
    ["is refused", answering(404, { code: 20404 })],
    ["fails", answering(500, "")],
    ["makes no sense", answering(200, { media_list: [{ content_type: "image/png" }], next_page_uri: null })],
    ["leads to another host", answering(200, { media_list: [{ uri: "//evil.example/x.json" }], next_page_uri: null })],
  ])("is one whose list of media %s", async (_, media) => {
    const fetch: FetchFunction = async (href, init) =>
      href.includes("/Media.json")
        ? media(href, init)
        : listing(entry(GOOD), entry(ODD, { num_media: "1" }))(href, init);
    const listed = await twilio({ ...common, fetch }).listInbound({ to: OURS, since });
    expect(listed.messages.map((text) => text.providerMessageId)).toEqual([GOOD]);
    expect(listed.unreadable).toMatchObject([{ providerMessageId: ODD }]);
  });

  it("does not end the pages, nor do pages that hold nothing else", async () => {
    const urls: string[] = [];
    const pages = [
      [entry(ODD, { date_created: "?" })],
      [entry(GOOD)],
      [entry(GOOD, { date_created: "1 Jan 2020" })],
      [],
    ];
    const fetch: FetchFunction = async (href) => {
      urls.push(href);
      const page = Number(new URL(href).searchParams.get("Page") ?? 0);
      return Response.json({ messages: pages[page], next_page_uri: `/x?Page=${page + 1}` });
    };
    const { messages: texts } = await twilio({ ...common, fetch }).listInbound({ to: OURS, since });
    expect(texts).toHaveLength(1);
    expect(urls).toHaveLength(3);
  });

  it("among the texts of ours is named too, and the others are found", async () => {
    const fetch = listing(sent(GOOD), sent(ODD, { date_created: 7 }), sent(ODD, { body: 7 }));
    const found = await twilio({ ...common, fetch }).find({ from: OURS, to: PERSON, since });
    expect(found.messages.map((message) => message.providerMessageId)).toEqual([GOOD]);
    expect(found.unreadable).toMatchObject([{ providerMessageId: ODD }, { providerMessageId: ODD }]);
  });

  it("among the account's numbers names no sender, and hides no other", async () => {
    const fetch: FetchFunction = async (href) =>
      Response.json(
        href.includes("ShortCodes")
          ? { short_codes: [{}, { short_code: "384387" }], next_page_uri: null }
          : { incoming_phone_numbers: [null, { phone_number: OURS }], next_page_uri: null },
      );
    const senders = await twilio({ ...common, fetch }).senders();
    expect(senders.map(({ address }) => address)).toEqual([OURS, "384387"]);
  });
});

it("separates a trial account's notice from the text behind it", async () => {
  const body = "Sent from your Twilio trial account - See you at 7";
  const { messages } = await twilio({ ...common, fetch: listing(sent(GOOD, { body }), sent(ODD)) }).find({
    from: OURS,
    to: PERSON,
    since,
  });
  expect(messages.find(({ providerMessageId }) => providerMessageId === GOOD)).toMatchObject({
    body,
    bodyWithoutNotice: "See you at 7",
  });
  expect(messages.find(({ providerMessageId }) => providerMessageId === ODD)).not.toHaveProperty("bodyWithoutNotice");
});

describe("an error about a list of Twilio's", () => {
  const refused = answering(404, { code: 20404 });
  const numbersOnly: FetchFunction = async (href, init) =>
    href.includes("ShortCodes") ? refused(href, init) : Response.json({ incoming_phone_numbers: [] });

  it.each<[string, FetchFunction, "find" | "listInbound" | "senders"]>([
    ["Messages.json", refused, "find"],
    ["Messages.json", refused, "listInbound"],
    ["IncomingPhoneNumbers.json", refused, "senders"],
    ["SMS/ShortCodes.json", numbersOnly, "senders"],
  ])("names %s, and who has to change what", async (name, fetch, call) => {
    const transport = twilio({ ...common, fetch });
    const calls = {
      find: () => transport.find({ from: OURS, to: PERSON, since }),
      listInbound: () => transport.listInbound({ to: OURS, since }),
      senders: () => transport.senders(),
    };
    await expect(calls[call]()).rejects.toMatchObject({
      code: "transport_rejected",
      message: expect.stringMatching(new RegExp(`${name}.*404.*accountSid`)),
    });
  });

  it.each<[string, FetchFunction]>([
    ["cannot be reached", () => Promise.reject(new TypeError("fetch failed"))],
    ["fails", answering(503, "")],
    ["is too busy", answering(429, { code: 20429 })],
    ["answers something else", answering(200, "<html>")],
    ["answers another list", answering(200, { calls: [] })],
  ])("names the list where Twilio %s", async (_, fetch) => {
    await expect(twilio({ ...common, fetch }).listInbound({ to: OURS, since })).rejects.toMatchObject({
      code: "transport_unavailable",
      message: expect.stringContaining("the list of messages (Messages.json)"),
    });
  });
});
