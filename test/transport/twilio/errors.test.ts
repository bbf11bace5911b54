import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  classifyError,
  failureOf,
  type ProviderErrorClass,
  parseErrorBody,
  parseRetryAfter,
} from "../../../src/transport/twilio/errors.ts";

interface RestVector {
  readonly id: string;
  readonly kind: string;
  readonly httpStatus: number;
  readonly body: unknown;
}

const rest: RestVector[] = JSON.parse(readFileSync(new URL("../../vectors/rest.json", import.meta.url), "utf8"));

const known: Readonly<Record<ProviderErrorClass, readonly number[]>> = {
  "retry-now": [20429],
  "opted-out": [21610, 63033],
  ambiguous: [20500, 20503, 20504, 30410, 30500],
  configuration: [
    20003, 20005, 20006, 20008, 21212, 21408, 21601, 21606, 21608, 21659, 21660, 21661, 21701, 21702, 21703, 21704,
    21705, 30002, 30032, 30033, 30034, 30037, 63007, 63051,
  ],
  "retry-later": [
    14107, 21611, 30001, 30003, 30008, 30017, 30022, 30023, 30027, 30035, 30047, 30450, 30454, 30610, 30615, 63017,
    63018, 63038,
  ],
  permanent: [
    14109, 20404, 21211, 21265, 21266, 21267, 21268, 21602, 21603, 21604, 21612, 21614, 21617, 21618, 21619, 21620,
    21621, 21622, 21623, 21624, 21635, 21654, 21910, 21655, 21656, 21658, 30004, 30005, 30006, 30007, 30009, 30036,
    30038, 30039, 30045, 30453, 30485, 63003, 63013, 63014, 63015, 63016, 63021, 63024, 63030, 63031, 63032, 63034,
    63035, 63036, 90007,
  ],
};

describe("classifyError", () => {
  const cases = Object.entries(known).flatMap(([kind, codes]) => codes.map((code) => [code, kind] as const));

  it.each(cases)("takes %i for %s, with any HTTP status and in a callback", (code, kind) => {
    for (const httpStatus of [undefined, 200, 400, 401, 403, 404, 429, 500, 503]) {
      const { class: found, remedy } = classifyError({ code, httpStatus });
      expect(found).toBe(kind);
      expect(remedy).toMatch(/^[^\n\d+]*(24 hours)?[^\n\d+]*$/);
      expect(remedy.length).toBeGreaterThan(10);
    }
  });

  it("says something of its own for the codes that people meet", () => {
    const remedies = [20003, 20429, 21211, 21408, 21606, 21610, 21617, 30003, 30007, 30034, 30039, 63016];
    const texts = remedies.map((code) => classifyError({ code }).remedy);
    expect(new Set(texts).size).toBe(texts.length - 1);
  });

  it.each<[number, string, RegExp]>([
    [30610, "quiet hours", /hours.*not sent/],
    [30615, "hours that local rules forbid", /hours.*not sent/],
    [30047, "a rescheduling that failed", /send it again.*did not send/],
    [21910, "addresses of two channels", /channel/],
    [63018, "a channel's rate", /slower/],
  ])("says of %i, for %s, what to do", (code, _, remedy) => {
    expect(classifyError({ code }).remedy).toMatch(remedy);
  });

  it.each([
    [429, "retry-later"],
    [500, "ambiguous"],
    [502, "ambiguous"],
    [503, "ambiguous"],
    [504, "ambiguous"],
    [599, "ambiguous"],
    [408, "ambiguous"],
    [401, "configuration"],
    [403, "configuration"],
    [400, "permanent"],
    [404, "permanent"],
    [422, "permanent"],
    [200, "ambiguous"],
    [302, "ambiguous"],
  ])("judges an unknown or missing code by HTTP %i: %s", (httpStatus, kind) => {
    expect(classifyError({ httpStatus }).class).toBe(kind);
    expect(classifyError({ httpStatus, code: 99_999 }).class).toBe(kind);
  });

  it("takes an unknown code in a callback for final, and silence for ambiguous", () => {
    expect(classifyError({ code: 39_999 }).class).toBe("permanent");
    expect(classifyError({}).class).toBe("ambiguous");
  });

  it("never says that an unknown failure may be repeated at once", () => {
    fc.assert(
      fc.property(
        fc.option(fc.integer(), { nil: undefined }),
        fc.integer({ min: 100, max: 999 }),
        (code, httpStatus) => {
          fc.pre(code !== 20429);
          expect(classifyError({ code, httpStatus }).class).not.toBe("retry-now");
        },
      ),
    );
  });
});

describe("parseErrorBody", () => {
  const errors = rest.filter((v) => v.kind === "error").map((v) => [v.id, v] as const);

  it.each(errors.filter(([, { body }]) => typeof body === "object"))("reads %s", (_, { body, httpStatus }) => {
    expect(parseErrorBody(JSON.stringify(body), httpStatus)).toEqual({
      code: Reflect.get(Object(body), "code"),
      message: Reflect.get(Object(body), "message") ?? Reflect.get(Object(body), "detail"),
    });
  });

  it.each(errors.filter(([, { body }]) => typeof body === "string"))("survives %s", (_, { body, httpStatus }) => {
    expect(parseErrorBody(String(body), httpStatus)).toEqual({
      message: `HTTP ${httpStatus} without a readable error body`,
    });
  });

  it("reads the shape with httpStatusCode and userError", () => {
    const text = '{"code":21211,"message":"Invalid number","httpStatusCode":400,"params":{},"userError":true}';
    expect(parseErrorBody(text, 400)).toEqual({ code: 21211, message: "Invalid number" });
  });

  it("reads a problem that has only a title", () => {
    const text = '{"type":"x","title":"Rate limited","status":429,"code":20429}';
    expect(parseErrorBody(text, 429)).toEqual({ code: 20429, message: "Rate limited" });
  });

  it("takes a code in quotes", () => {
    expect(parseErrorBody('{"code":"21610","message":"x"}', 400)).toEqual({ code: 21610, message: "x" });
  });

  it.each([
    "",
    "<html>502</html>",
    "null",
    "[]",
    '"text"',
    "7",
    "{",
    '{"code":null,"message":""}',
    '{"code":"E1"}',
    '{"code":-1}',
  ])("names the HTTP status where the body is %j", (text) => {
    expect(parseErrorBody(text, 502)).toEqual({ message: "HTTP 502 without a readable error body" });
  });

  it("never throws", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(typeof parseErrorBody(text, 500).message).toBe("string");
      }),
    );
  });
});

describe("parseRetryAfter", () => {
  const nowMs = Date.UTC(2026, 9, 21, 7, 28, 0);

  it.each([
    ["0", 0],
    ["120", 120_000],
    [" 3 ", 3000],
    ["Wed, 21 Oct 2026 07:28:30 GMT", 30_000],
    ["Wed, 21 Oct 2026 07:28:00 GMT", 0],
    ["Wed, 21 Oct 2015 07:28:00 GMT", 0],
    ["Wednesday, 21-Oct-26 07:29:00 GMT", 60_000],
  ])("reads %j as %i ms", (header, expected) => {
    expect(parseRetryAfter(header, nowMs)).toBe(expected);
  });

  it.each([null, undefined, "", "-1", "1.5", "soon", "1e3", "Wed, 99 Oct 2026 07:28:00 GMT", "2026-10-21"])(
    "makes nothing of %j",
    (header) => {
      expect(parseRetryAfter(header, nowMs)).toBeUndefined();
    },
  );
});

describe("failureOf", () => {
  it("calls exactly those failures temporary after which Twilio says that nothing was sent", () => {
    const codes = Array.from({ length: 100_000 }, (_, code) => code);
    for (const status of ["failed", "undelivered"] as const) {
      const temporary = codes.filter((code) => failureOf(status, status, code).temporary);
      // Not 30003, 30008, 30410 and 30500, which may have arrived; 30610 and 30615 wait for quiet hours.
      expect(temporary).toEqual([30001, 30022, 30047, 63018]);
    }
  });

  it("calls nothing temporary that has no code, or is on its way", () => {
    expect(failureOf("failed", "failed", undefined).temporary).toBeUndefined();
    expect(failureOf("failed", "canceled", undefined).temporary).toBeUndefined();
    for (const status of ["accepted", "sent", "delivered"] as const) {
      expect(failureOf(status, status, 30022).temporary).toBeUndefined();
    }
  });
});
