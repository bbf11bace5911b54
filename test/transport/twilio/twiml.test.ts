import * as fc from "fast-check";
import twilio from "twilio";
import { describe, expect, it } from "vitest";
import { emptyResponse, messagingResponse, type TwimlReply } from "../../../src/transport/twilio/twiml.ts";

function official(replies: readonly TwimlReply[]): string {
  const response = new twilio.twiml.MessagingResponse();
  for (const { body, media = [], to, from, statusCallback } of replies) {
    const attributes = {
      ...(to === undefined ? {} : { to }),
      ...(from === undefined ? {} : { from }),
      ...(statusCallback === undefined ? {} : { statusCallback }),
    };
    if (media.length === 0) {
      response.message(attributes, body);
      continue;
    }
    const message = response.message(attributes, "");
    if (body) message.body(body);
    for (const url of media) message.media(url);
  }
  return response.toString();
}

describe("messagingResponse", () => {
  it("writes one message", () => {
    expect(messagingResponse([{ body: "We are closed." }])).toBe(
      '<?xml version="1.0" encoding="UTF-8"?><Response><Message>We are closed.</Message></Response>',
    );
  });

  it("answers nothing with an empty response", () => {
    expect(emptyResponse).toBe(official([]));
    expect(messagingResponse()).toBe(emptyResponse);
    expect(messagingResponse([])).toBe(emptyResponse);
  });

  it("escapes markup, so that a text stays a text", () => {
    const body = `</Message><Message to="+1">a & b ]]> 'c' "d" &amp;`;
    const xml = messagingResponse([{ body, to: `"><x a='` }]);
    expect(xml.match(/<Message/g)).toHaveLength(1);
    expect(xml).toContain("&lt;/Message&gt;&lt;Message");
    expect(xml).toContain("&amp;amp;");
  });

  it("writes what the official package writes", () => {
    const legal = fc
      .string({ unit: "binary", minLength: 1, maxLength: 60 })
      .filter((text) => !/[^\t\n\r -\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u.test(text));
    const text = fc.oneof(legal, fc.constantFrom("a & b", "<b>", "]]>", "\r\n\t", 'it\'s "so"', "&#x9;", "😀", "é"));
    const reply = fc.record(
      { body: text, media: fc.array(text, { maxLength: 10 }), to: text, from: text, statusCallback: text },
      { requiredKeys: ["body"] },
    );
    fc.assert(
      fc.property(fc.array(reply, { minLength: 1, maxLength: 10 }), (replies) => {
        expect(messagingResponse(replies)).toBe(official(replies));
      }),
      { numRuns: 500 },
    );
  });

  it("sends media without a text", () => {
    const replies = [{ body: "", media: ["https://example.com/a.png?b=1&c=2"] }];
    expect(messagingResponse(replies)).toBe(official(replies));
  });

  it("keeps line feeds and tabs, and takes a surrogate pair for the character it is", () => {
    expect(messagingResponse([{ body: "a\n\tb 😀" }])).toContain("<Message>a\n\tb 😀</Message>");
  });

  it.each([
    ["a control character", [{ body: "a\u0007b" }]],
    ["a NUL", [{ body: "\u0000" }]],
    ["half of a surrogate pair", [{ body: "a\uD83D" }]],
    ["the other half", [{ body: "\uDE00a" }]],
    ["a noncharacter", [{ body: "\uFFFE" }]],
    ["a control character in an attribute", [{ body: "a", statusCallback: "https://example.com/\u0001" }]],
    ["a control character in a media URL", [{ body: "a", media: ["\u001B"] }]],
    ["a body over 1,600", [{ body: "a".repeat(1601) }]],
    ["an empty message", [{ body: "" }]],
    ["eleven media", [{ body: "a", media: Array.from({ length: 11 }, () => "https://example.com/a") }]],
    ["eleven messages", Array.from({ length: 11 }, () => ({ body: "a" }))],
    ["a document over 64 kB", Array.from({ length: 10 }, () => ({ body: "&".repeat(1600) }))],
    ["64 kB that only UTF-8 fills", Array.from({ length: 10 }, () => ({ body: "&".repeat(1000) + "€".repeat(600) }))],
  ])("refuses %s instead of cutting it", (_, replies) => {
    expect(() => messagingResponse(replies)).toThrowError(expect.objectContaining({ code: "invalid_message" }));
  });

  it("allows each limit itself", () => {
    expect(messagingResponse(Array.from({ length: 10 }, () => ({ body: "é".repeat(1600) })))).toContain("é");
    const media = Array.from({ length: 10 }, (_, i) => `https://example.com/${i}`);
    expect(messagingResponse([{ body: "a", media }]).match(/<Media>/g)).toHaveLength(10);
  });

  it("names neither text nor number in its error", () => {
    expect(() => messagingResponse([{ body: "secret \u0000", to: "+12025550100" }])).toThrowError(
      expect.objectContaining({ message: expect.not.stringMatching(/secret|2025550100/) }),
    );
  });
});
