import { describe, expect, it } from "vitest";
import { personOf } from "../../src/model/person-address.ts";

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
