import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../../src/errors.ts";
import {
  classifyError,
  type FetchFunction,
  type SendMessageInput,
  sendMessage,
  twilio,
} from "../../../src/transport/twilio/twilio.ts";

const ACCOUNT = `AC${"a".repeat(32)}`;
const message = { from: "+15703251809", to: "+12345678900", body: "Hello" };

function answering(status: number, body: unknown, headers: Record<string, string> = {}): FetchFunction {
  return async () => new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

function failing(code: string): FetchFunction {
  return () => Promise.reject(new TypeError("fetch failed", { cause: Object.assign(new Error("x"), { code }) }));
}

function sendBy(fetch: FetchFunction, changes: Partial<SendMessageInput> = {}) {
  return sendMessage({ accountSid: ACCOUNT, secret: "token", message, fetch, ...changes });
}

describe("sendMessage", () => {
  it("makes one request, by Twilio's names and with the account's credentials", async () => {
    const seen: unknown[] = [];
    const fetch: FetchFunction = async (url, init) => {
      const { authorization } = Object.fromEntries(new Headers(init.headers));
      seen.push(url, init.method, atob(authorization?.slice(6) ?? ""), String(init.body));
      return Response.json({ sid: "SM1", status: "queued" }, { status: 201 });
    };
    const result = await sendBy(fetch, {
      message: { ...message, mediaUrl: ["https://a/1", "https://a/2"], statusCallback: "https://b/?id=7" },
    });
    expect(result).toEqual({ kind: "accepted", sid: "SM1", status: "queued" });
    expect(seen).toEqual([
      `https://api.twilio.com/2010-04-01/Accounts/${ACCOUNT}/Messages.json`,
      "POST",
      `${ACCOUNT}:token`,
      "To=%2B12345678900&From=%2B15703251809&Body=Hello&MediaUrl=https%3A%2F%2Fa%2F1&MediaUrl=https%3A%2F%2Fa%2F2" +
        "&StatusCallback=https%3A%2F%2Fb%2F%3Fid%3D7",
    ]);
  });

  it.each([
    ["credentials in the URL", { apiUrl: "https://user:s3cret@api.twilio.com" }],
    ["http: to another machine", { apiUrl: "http://s3cret.example" }],
    ["no URL", { apiUrl: "s3cret" }],
  ])("sends nothing by an apiUrl with %s, and does not quote it", async (_, changes) => {
    let asked = 0;
    const counted: FetchFunction = async () => {
      asked += 1;
      return Response.json({});
    };
    const error: unknown = await sendBy(counted, changes).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: "invalid_options", message: expect.stringMatching(/^apiUrl /) });
    expect(String(error)).not.toContain("s3cret");
    expect(asked).toBe(0);
    const allowed = { apiUrl: "http://emulator:4010", unsafeHttpApiUrl: true };
    expect((await sendBy(answering(201, { sid: "SM1", status: "queued" }), allowed)).kind).toBe("accepted");
  });

  it("signs in with an API key, and asks for no status where no callback is given", async () => {
    const seen: string[] = [];
    const fetch: FetchFunction = async (_, init) => {
      seen.push(atob(new Headers(init.headers).get("Authorization")?.slice(6) ?? ""), String(init.body));
      return Response.json({ sid: "SM1", status: "queued" });
    };
    await sendBy(fetch, { apiKeySid: "SK1", message: { to: "+1", messagingServiceSid: "MG1", body: "x" } });
    expect(seen).toEqual(["SK1:token", "To=%2B1&MessagingServiceSid=MG1&Body=x"]);
  });

  it.each([
    [400, { code: 21610 }, "opted-out"],
    [400, { code: 21211 }, "permanent"],
    [401, { code: 20003 }, "configuration"],
    [429, { code: 20429 }, "retry-now"],
    [422, "not JSON", "permanent"],
  ])("reports a refusal of HTTP %i with %j, which classifyError judges: %s", async (httpStatus, body, kind) => {
    const result = await sendBy(answering(httpStatus, body, { "Retry-After": "3" }));
    const code = typeof body === "string" ? undefined : body.code;
    expect(result).toEqual({ kind: "refused", httpStatus, code, retryAfter: "3" });
    expect(result.kind === "refused" && classifyError(result).class).toBe(kind);
  });

  it.each([
    ["a server error", answering(503, "<html>")],
    ["a server error with a code", answering(500, { code: 21211 })],
    ["a timeout at a proxy", answering(408, "")],
    ["a code that leaves it open", answering(400, { code: 30410 })],
    ["an answer that was cut off", answering(201, '{"sid":"SM')],
    ["an answer that names no message", answering(200, { status: "queued" })],
    ["a connection that broke", failing("ECONNRESET")],
    ["an error that says nothing", () => Promise.reject("x")],
  ])("does not know after %s, and does not throw", async (_, fetch) => {
    expect((await sendBy(fetch)).kind).toBe("unknown");
  });

  it.each([
    ["no connection", failing("ECONNREFUSED")],
    ["a redirect", answering(307, "")],
  ])("was not reached after %s", async (_, fetch) => {
    expect((await sendBy(fetch)).kind).toBe("unreached");
  });

  it("was not reached when it is called off before, and does not know when the answer takes too long", async () => {
    const never: FetchFunction = () => new Promise(() => {});
    expect((await sendBy(never, { signal: AbortSignal.abort() })).kind).toBe("unreached");
    expect(await sendBy(never, { timeoutMs: 1 })).toMatchObject({
      kind: "unknown",
      reason: expect.stringMatching(/1 ms/),
    });
  });

  it("knows what the whole transport knows", async () => {
    const same = { accepted: "accepted", refused: "refused", unreached: "refused", unknown: "unknown" };
    const transport = (fetch: FetchFunction) =>
      twilio({ accountSid: ACCOUNT, authToken: "token", webhookUrl: "https://example.com/sms", fetch }).send({
        outboundId: "o",
        attempt: 1,
        line: message.from,
        media: [],
        ...message,
      });
    for (const httpStatus of [200, 201, 302, 400, 401, 403, 404, 408, 422, 429, 500, 503, 599]) {
      for (const body of [{ sid: "SM1", status: "sent" }, { code: 20500 }, { code: 21610 }, { code: 99_999 }, ""]) {
        const answer = answering(httpStatus, body);
        expect((await transport(answer)).kind).toBe(same[(await sendBy(answer)).kind]);
      }
    }
  });

  it.each(["accountSid", "secret", "apiKeySid"])("names %s where it is empty", async (name) => {
    const error: unknown = await sendBy(answering(201, ""), { [name]: "" }).catch((thrown: unknown) => thrown);
    expect(isOwnlineError(error) && error.code).toBe("invalid_options");
    expect(String(error)).toContain(name);
  });
});
