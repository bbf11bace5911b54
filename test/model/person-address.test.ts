import { describe, expect, it } from "vitest";
import { participantKeyOf, personOf, spellingsOf } from "../../src/model/person-address.ts";

describe("the one spelling of a person's number", () => {
  it.each([
    ["+551187654321", "+5511987654321"],
    ["whatsapp:+551187654321", "+5511987654321"],
    ["whatsapp:+5215512345678", "whatsapp:+525512345678"],
    ["whatsapp:+525512345678", "+525512345678"],
    ["whatsapp:+541123456789", "whatsapp:+5491123456789"],
    ["whatsapp:+541123456789", "+5491123456789"],
    ["whatsapp:+12345678900", "+12345678900"],
  ])("takes %s and %s for one person", (one, other) => {
    expect(personOf(one)).toBe(personOf(other));
  });

  it.each([
    ["+551133334444", "+5511933334444"],
    ["whatsapp:+551123334444", "whatsapp:+5511923334444"],
    ["+541123456789", "+5491123456789"],
    ["+12345678900", "+12345678901"],
    ["messenger:5511987654321", "messenger:551187654321"],
    ["38438", "384387"],
  ])("takes %s and %s for two people", (one, other) => {
    expect(personOf(one)).not.toBe(personOf(other));
  });
});

describe("the spellings of an address", () => {
  it.each([
    ["+551187654321", ["+551187654321", "+5511987654321"]],
    ["+5511987654321", ["+5511987654321", "+551187654321"]],
    ["whatsapp:+5511987654321", ["whatsapp:+5511987654321", "whatsapp:+551187654321"]],
    ["+5511933334444", ["+5511933334444"]],
    ["+551133334444", ["+551133334444"]],
    ["+5215512345678", ["+5215512345678", "+525512345678"]],
    ["whatsapp:+525512345678", ["whatsapp:+525512345678", "whatsapp:+5215512345678"]],
    ["whatsapp:+541123456789", ["whatsapp:+541123456789", "whatsapp:+5491123456789"]],
    ["whatsapp:+5491123456789", ["whatsapp:+5491123456789", "whatsapp:+541123456789"]],
    ["+5491123456789", ["+5491123456789"]],
    ["+541123456789", ["+541123456789"]],
    ["+12345678900", ["+12345678900"]],
    ["+15255598765", ["+15255598765"]],
    ["38438", ["38438"]],
    ["AMAZON", ["AMAZON"]],
    ["messenger:5511987654321", ["messenger:5511987654321"]],
    ["", [""]],
  ])("of %s", (address, spellings) => {
    expect(spellingsOf(address)).toEqual(spellings);
    for (const spelling of spellings) expect(participantKeyOf(spelling)).toBe(participantKeyOf(address));
  });

  it("keep the channel, which two conversations of one person differ by", () => {
    expect(participantKeyOf("whatsapp:+551187654321")).toBe("whatsapp:+5511987654321");
    expect(participantKeyOf("+551187654321")).toBe("+5511987654321");
  });
});
