import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signedForm } from "../../../src/transport/twilio/signature.ts";
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
const SM = `SM${"1".repeat(32)}`;
const MM = `MM${"1".repeat(32)}`;
const status = { MessageSid: SM, MessageStatus: "delivered" };

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

describe("ids", () => {
  const refused: Pick<Capture, "kind" | "notes" | "params">[] = JSON.parse(
    readFileSync(new URL("../../vectors/inbound-refused.json", import.meta.url), "utf8"),
  );
  const upper = `SM${"AB".repeat(16)}`;
  const message = { ...inbound, SmsSid: inbound.MessageSid, SmsMessageSid: inbound.MessageSid };

  it.each(refused.map((c) => [`${c.kind}: ${c.notes}`, c] as const))("edited by hand are refused: %s", (_, c) => {
    expect(parseWebhook(c.params)).toMatchObject({ kind: "unsupported", remedy: expect.stringContaining("imitate") });
  });

  it.each([
    ["in capitals", { MessageSid: upper, SmsSid: upper, SmsMessageSid: undefined }],
    ["of an MMS", { MessageSid: MM, SmsSid: MM, SmsMessageSid: MM }],
    ["of a Messaging Service", { MessagingServiceSid: `MG${"aB".repeat(16)}` }],
    ["that came twice and are the same", { MessageSid: [inbound.MessageSid, inbound.MessageSid] }],
    ["that are empty where they may be", { SmsSid: "", MessagingServiceSid: "" }],
    ["of a test, which are short", { MessageSid: "SM1", SmsSid: undefined, SmsMessageSid: undefined }],
  ])("are taken %s", (_, changes) => {
    expect(parseWebhook({ ...message, ...changes })).toMatchObject({ kind: "inbound" });
  });

  it.each([
    ["a MessageSid that is too long", { MessageSid: `${inbound.MessageSid}NumMedia0` }, /MessageSid, SmsSid/],
    ["one that is too long, alone", { MessageSid: `${SM}0`, SmsSid: undefined, SmsMessageSid: undefined }, /SM or MM/],
    ["one that has no digits, alone", { MessageSid: "SM", SmsSid: null, SmsMessageSid: null }, /SM or MM/],
    ["one that runs into the next name", { MessageSid: "SM1NumMedia0", SmsSid: null, SmsMessageSid: null }, /SM or MM/],
    ["a line break behind it", { MessageSid: `${SM}\n`, SmsSid: `${SM}\n`, SmsMessageSid: `${SM}\n` }, /SM or MM/],
    ["another SmsSid", { SmsSid: SM }, /not the same/],
    ["another SmsMessageSid", { SmsMessageSid: SM }, /not the same/],
    [
      "an SmsSid in other case",
      { MessageSid: upper, SmsSid: upper.toLowerCase(), SmsMessageSid: upper },
      /not the same/,
    ],
    ["a second MessageSid", { MessageSid: [inbound.MessageSid, SM] }, /not the same/],
    ["a letter that is not a digit", { AccountSid: `AC${"g".repeat(32)}` }, /AccountSid/],
    [
      "an AccountSid with its neighbour in it",
      { AccountSid: `${inbound.AccountSid}ApiVersion2010-04-01` },
      /AccountSid/,
    ],
    ["two accounts", { AccountSid: [inbound.AccountSid, `AC${"2".repeat(32)}`] }, /AccountSid/],
    ["no account", { AccountSid: undefined }, /without an AccountSid/],
    ["a service that is none", { MessagingServiceSid: "MGMResorts" }, /MessagingServiceSid/],
    ["two services", { MessagingServiceSid: [`MG${"1".repeat(32)}`, `MG${"2".repeat(32)}`] }, /MessagingServiceSid/],
    ["a ConversationSid beside ids of Messaging", { ConversationSid: `CH${"1".repeat(32)}` }, /Conversations/],
  ])("are refused with %s", (_, changes, reason) => {
    expect(parseWebhook({ ...message, ...changes })).toMatchObject({
      kind: "unsupported",
      reason: expect.stringMatching(reason),
      remedy: expect.stringMatching(/\.$/),
    });
  });

  it("cannot be cut out of another parameter of a signed request", () => {
    const signed = signedForm(message);
    const names = Object.keys(message).toSorted();
    let held = 0;
    // Every parameter swallowed by the one before it, or by its own name: the signature is the same.
    for (const [at, name] of names.entries()) {
      const value = message[name as keyof typeof message];
      const { [name as keyof typeof message]: _, ...rest } = message;
      const before = names[at - 1] as keyof typeof message | undefined;
      const shifts: Record<string, string>[] = [{ ...rest, [name + value]: "" }];
      if (before !== undefined) shifts.push({ ...rest, [before]: message[before] + name + value });
      for (const shift of shifts.filter((one) => signedForm(one) === signed)) {
        held += 1;
        const parsed = parseWebhook(shift);
        if (parsed.kind !== "inbound") continue;
        expect([parsed.accountSid, parsed.messageSid]).toEqual([message.AccountSid, message.MessageSid]);
      }
    }
    expect(held).toBeGreaterThan(8);
  });

  it("cannot be shortened in a recorded status callback, which swallows its To with the rest of the id", () => {
    const rest = "a456".repeat(7);
    const sid = `SM0123${rest}`;
    const genuine = {
      AccountSid: inbound.AccountSid,
      From: inbound.To,
      MessageSid: sid,
      MessageStatus: "delivered",
      SmsSid: sid,
      SmsStatus: "delivered",
      To: inbound.From,
    };
    expect(parseWebhook(genuine)).toMatchObject({ kind: "status", messageSid: sid });
    const cut = {
      AccountSid: genuine.AccountSid,
      From: `${genuine.From}MessageSid${sid}`,
      MessageStatus: "delivered",
      SmsSid: "SM0123",
      [`${rest}SmsStatus`]: `deliveredTo${genuine.To}`,
    };
    expect(signedForm(cut)).toBe(signedForm(genuine));
    expect(parseWebhook(cut)).toMatchObject({ kind: "unsupported", reason: expect.stringMatching(/SM or MM/) });
    // Where To stands for itself, no split can have shortened the id.
    expect(parseWebhook({ ...genuine, MessageSid: "SM1", SmsSid: "SM1" })).toMatchObject({ kind: "status" });
    expect(parseWebhook({ ...genuine, MessageSid: "SM1", SmsSid: "SM1", To: "" })).toMatchObject({
      kind: "unsupported",
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

  it("keeps a caller's string that is not a number, and a short code", () => {
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
    ["whatsapp:+12025550100", "whatsapp:+15703251809", SM, "whatsapp"],
    ["rcs:+12025550100", "rcs:brand_agent", SM, "rcs"],
    ["+12025550100", "rcs:brand_agent", SM, "rcs"],
    ["messenger:123", "messenger:456", SM, "messenger"],
    ["+12025550100", "+15703251809", MM, "mms"],
    ["+12025550100", "+15703251809", SM, "sms"],
  ])("names the channel of %s to %s (%s): %s", (From, To, MessageSid, channel) => {
    expect(parseWebhook({ ...inbound, From, To, MessageSid })).toMatchObject({ kind: "inbound", channel });
  });

  it("keeps the media that are there, also where NumMedia disagrees", () => {
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
    expect(parseWebhook(status)).toEqual({ kind: "status", messageSid: SM, status: "delivered", raw: status });
  });

  it("is a status even with everything an inbound message has", () => {
    expect(parseWebhook({ ...inbound, SmsStatus: "sent", MessageStatus: "sent" }).kind).toBe("status");
    expect(parseWebhook({ ...inbound, MessageStatus: "sent" }).kind).toBe("status");
  });

  it("reads an old callback that has only SmsSid and SmsStatus", () => {
    expect(parseWebhook({ SmsSid: SM, SmsStatus: "delivered" })).toMatchObject({
      kind: "status",
      messageSid: SM,
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
      {
        EventType: "onMessageAdded",
        ConversationSid: `CH${"1".repeat(32)}`,
        MessageSid: `IM${"1".repeat(32)}`,
        Body: "x",
      },
      /Conversations/,
    ],
    ["a message without a sender", { ...inbound, From: "" }, /From/],
    ["a message without a recipient", { ...inbound, To: null }, /To/],
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
    const parsed = parseWebhook(new URLSearchParams(`__proto__=x&constructor=y&MessageSid=${SM}&MessageStatus=sent`));
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
