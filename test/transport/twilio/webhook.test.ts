import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseWebhook } from "../../../src/transport/twilio/webhook.ts";

interface Capture {
  readonly kind: string;
  readonly rawBody: string;
  readonly params: Record<string, string>;
  readonly expect: { text?: string; media?: number; to?: string; channel?: string; messagingService?: boolean };
  readonly notes: string;
}

const captures: Capture[] = JSON.parse(readFileSync(new URL("../../vectors/inbound.json", import.meta.url), "utf8"));
const inbound = {
  MessageSid: "SM00000000000000000000000000000001",
  AccountSid: "AC00000000000000000000000000000001",
  From: "+12025550100",
  To: "+15703251809",
  Body: "Hello!",
  NumMedia: "0",
  SmsStatus: "received",
};
const status = { MessageSid: "SM1", MessageStatus: "delivered" };

describe("captured webhooks", () => {
  const named = captures.map((c, i) => [`${i} ${c.kind}: ${c.notes}`, c] as const);

  it.each(named)("reads %s, from a body or a record, and keeps it all", (_, { rawBody, params }) => {
    const parsed = parseWebhook(new URLSearchParams(rawBody));
    expect(parsed).toEqual(parseWebhook(params));
    expect(parsed.raw).toEqual(params);
    expect(parsed).toMatchObject({
      messageSid: params.MessageSid,
      accountSid: params.AccountSid,
      messagingServiceSid: params.MessagingServiceSid,
      from: params.From,
      to: params.To,
    });
  });

  it.each(named.filter(([, c]) => c.kind !== "status"))(
    "reads a message: %s",
    (_, { kind, params, expect: wanted }) => {
      const parsed = parseWebhook(params);
      expect(parsed).toMatchObject({
        kind: "inbound",
        body: wanted.text ?? params.Body,
        channel: wanted.channel ?? (kind === "mms" ? "mms" : "sms"),
        optOut: params.OptOutType,
        profileName: params.ProfileName,
      });
      expect(parsed).toHaveProperty("media.length", wanted.media ?? 0);
    },
  );

  it.each(named.filter(([, c]) => c.kind === "status"))("reads a status: %s", (_, { params }) => {
    expect(parseWebhook(params)).toMatchObject({
      kind: "status",
      status: params.MessageStatus,
      errorCode: params.ErrorCode === undefined ? undefined : Number(params.ErrorCode),
    });
  });

  it("reads the opt-out that only a failed status reports", () => {
    const stopped = captures.find((c) => c.params.ErrorCode === "21610");
    expect(parseWebhook(stopped?.params ?? {})).toMatchObject({ kind: "status", status: "failed", errorCode: 21610 });
  });

  it("reads both pictures of a two-picture MMS in order", () => {
    const two = captures.find((c) => c.params.NumMedia === "2");
    expect(parseWebhook(two?.params ?? {})).toMatchObject({
      numSegments: 2,
      media: [
        { url: two?.params.MediaUrl0, contentType: "image/jpeg" },
        { url: two?.params.MediaUrl1, contentType: "image/jpeg" },
      ],
    });
  });
});

describe("inbound messages", () => {
  it("is an inbound message on the fallback URL, too", () => {
    const fallback = { ...inbound, ErrorCode: "11200", ErrorUrl: "https://example.com/api/webhooks/sms" };
    const parsed = parseWebhook(fallback);
    expect(parsed).toMatchObject({ kind: "inbound", body: "Hello!" });
    expect(parsed.raw).toEqual(fallback);
  });

  it("is an inbound message while it is being received", () => {
    expect(parseWebhook({ ...inbound, SmsStatus: "receiving" }).kind).toBe("inbound");
    expect(parseWebhook({ ...inbound, MessageStatus: "received" }).kind).toBe("inbound");
    expect(parseWebhook({ ...inbound, MessageStatus: "received", Body: "" }).kind).toBe("inbound");
  });

  it("keeps a caller's string that is no number, and a short code", () => {
    expect(parseWebhook({ ...inbound, From: "Anonymous <x>" })).toMatchObject({
      kind: "inbound",
      from: "Anonymous <x>",
    });
    expect(parseWebhook({ ...inbound, From: "384387" })).toMatchObject({
      kind: "inbound",
      from: "384387",
      channel: "sms",
    });
  });

  it.each([
    ["whatsapp:+12025550100", "whatsapp:+15703251809", "SM1", "whatsapp"],
    ["rcs:+12025550100", "rcs:brand_agent", "SM1", "rcs"],
    ["+12025550100", "rcs:brand_agent", "SM1", "rcs"],
    ["messenger:123", "messenger:456", "SM1", "messenger"],
    ["+12025550100", "+15703251809", "MM1", "mms"],
    ["+12025550100", "+15703251809", "SM1", "sms"],
  ])("names the channel of %s to %s (%s): %s", (From, To, MessageSid, channel) => {
    expect(parseWebhook({ ...inbound, From, To, MessageSid })).toMatchObject({ kind: "inbound", channel });
  });

  it("keeps the media that are there, whatever NumMedia says", () => {
    const one = { MediaUrl0: "https://api.twilio.com/0", MediaContentType0: "image/png" };
    const media = [{ url: "https://api.twilio.com/0", contentType: "image/png" }];
    for (const NumMedia of ["2", "0", "", "many", "-1", undefined]) {
      expect(parseWebhook({ ...inbound, ...one, NumMedia })).toMatchObject({ media, channel: "mms" });
    }
    expect(parseWebhook({ ...inbound, NumMedia: "9" })).toMatchObject({ media: [], channel: "sms" });
    expect(parseWebhook({ ...inbound, MediaUrl10: "j", MediaUrl9: "i", MediaUrl1: "", MediaUrlX: "x" })).toMatchObject({
      media: [
        { url: "i", contentType: "application/octet-stream" },
        { url: "j", contentType: "application/octet-stream" },
      ],
    });
  });

  it("reads what channels add", () => {
    const rich = {
      ...inbound,
      Latitude: "-33.5",
      Longitude: "151",
      Address: "1 Road",
      Label: "Home",
      ButtonText: "Yes",
      ButtonPayload: "yes-1",
      OriginalRepliedMessageSid: "SM9",
      ProfileName: "Ann",
      OptOutType: "help",
    };
    expect(parseWebhook(rich)).toMatchObject({
      location: { latitude: -33.5, longitude: 151, address: "1 Road", label: "Home" },
      button: { text: "Yes", payload: "yes-1" },
      repliedToSid: "SM9",
      profileName: "Ann",
      optOut: "HELP",
    });
    expect(parseWebhook({ ...inbound, ButtonText: "Yes" })).toMatchObject({ button: { text: "Yes", payload: "" } });
  });

  it("leaves out what is missing, empty or unreadable", () => {
    const parsed = parseWebhook({ ...inbound, Latitude: "1", Longitude: "", OptOutType: "PAUSE", NumSegments: "0x10" });
    expect(parsed).toMatchObject({
      location: undefined,
      optOut: undefined,
      numSegments: undefined,
      button: undefined,
      profileName: undefined,
    });
  });
});

describe("statuses", () => {
  it("needs no more than a sid and a status", () => {
    expect(parseWebhook(status)).toEqual({ kind: "status", messageSid: "SM1", status: "delivered", raw: status });
  });

  it("is a status even with everything an inbound message has", () => {
    expect(parseWebhook({ ...inbound, SmsStatus: "sent", MessageStatus: "sent" }).kind).toBe("status");
    expect(parseWebhook({ ...inbound, MessageStatus: "sent" }).kind).toBe("status");
  });

  it("reads an old callback that has only SmsSid and SmsStatus", () => {
    expect(parseWebhook({ SmsSid: "SM1", SmsStatus: "delivered" })).toMatchObject({
      kind: "status",
      messageSid: "SM1",
    });
  });

  it("is a status where an inbound message is only reported", () => {
    expect(parseWebhook({ ...status, MessageStatus: "received", From: "+1", To: "+2" }).kind).toBe("status");
  });

  it("passes a status that Twilio has yet to invent, and no error code that is none", () => {
    expect(parseWebhook({ ...status, MessageStatus: "teleported", ErrorCode: "oops" })).toMatchObject({
      status: "teleported",
      errorCode: undefined,
    });
    expect(parseWebhook({ ...status, RawDlrDoneDate: "2611231804" })).toMatchObject({ rawDlrDoneDate: "2611231804" });
  });
});

describe("everything else", () => {
  it.each([
    ["a call", { CallSid: "CA1", From: "+1", To: "+2" }, /voice/],
    ["an empty request", {}, /MessageSid/],
    [
      "a Conversations event",
      { EventType: "onMessageAdded", ConversationSid: "CH1", MessageSid: "IM1", Body: "x" },
      /Conversations/,
    ],
    ["a message from nobody", { ...inbound, From: "" }, /From/],
    ["a message to nobody", { ...inbound, To: null }, /To/],
  ])("says why %s is not supported", (_, params, reason) => {
    expect(parseWebhook(params)).toMatchObject({ kind: "unsupported", reason: expect.stringMatching(reason) });
  });

  it("takes the first of repeated values and keeps all of them", () => {
    const params = new URLSearchParams(inbound);
    params.append("Body", "second");
    const parsed = parseWebhook(params);
    expect(parsed).toMatchObject({ kind: "inbound", body: "Hello!" });
    expect(parsed.raw.Body).toEqual(["Hello!", "second"]);
  });

  it("keeps a parameter named __proto__ as data", () => {
    const parsed = parseWebhook(new URLSearchParams("__proto__=x&constructor=y&MessageSid=SM1&MessageStatus=sent"));
    expect(Object.entries(parsed.raw)).toContainEqual(["__proto__", "x"]);
    expect(Object.getPrototypeOf(parsed.raw)).toBe(Object.prototype);
    expect(parseWebhook(JSON.parse('{"__proto__":{"MessageSid":"SM1","MessageStatus":"sent"}}')).kind).toBe(
      "unsupported",
    );
    expect({}).not.toHaveProperty("x");
  });

  it("never throws and never loses a parameter", () => {
    const names = fc.oneof(
      fc.string(),
      fc.constantFrom("MessageSid", "From", "To", "Body", "MessageStatus", "SmsStatus", "NumMedia", "MediaUrl0"),
      fc.constantFrom("MediaContentType0", "Latitude", "Longitude", "OptOutType", "__proto__", "hasOwnProperty"),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(names, fc.string({ unit: "grapheme" }))), (entries) => {
        const params = new URLSearchParams(entries);
        const { raw } = parseWebhook(params);
        const back = Object.entries(raw).flatMap(([name, value]) => [value].flat().map((v) => [name, v]));
        expect(back.map(String).toSorted()).toEqual([...params].map(String).toSorted());
      }),
    );
  });
});
