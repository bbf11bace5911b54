import { request as ask } from "node:http";
import { describe, expect, it } from "vitest";
import { type FetchPart, toNodeHandler, toRequest } from "../../src/http/node.ts";
import { heard, posted, scene, textParams } from "./scene.ts";
import { serve } from "./serve.ts";

/** What arrived, as the Web's own types show it. */
function echo(): FetchPart & { readonly seen: string[] } {
  const seen: string[] = [];
  return {
    seen,
    async fetch(request) {
      seen.push(`${request.method} ${request.url} ${await request.text()}`);
      return new Response("ok", { headers: { "content-type": "text/xml" } });
    },
  };
}

describe("a Node server", () => {
  it("stores a signed webhook and answers with TwiML", async () => {
    const { sms, stored } = scene();
    await using server = await serve(toNodeHandler(sms));
    const response = await fetch(`${server.url}/api/webhooks/sms`, await posted());
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/xml; charset=utf-8"]);
    expect(await response.text()).toContain("<Response");
    expect(await stored()).toMatchObject([{ body: textParams().get("Body") }]);
  });

  it("hands over method, URL, headers and body as they came", async () => {
    const sms = echo();
    await using server = await serve(toNodeHandler(sms));
    await fetch(`${server.url}//deep/er?a=1&a=%20b`, { method: "POST", body: "é=1" });
    await fetch(`${server.url}/get?x`);
    await fetch(`${server.url}/put`, { method: "PUT" });
    expect(sms.seen).toEqual([
      `POST ${server.url}//deep/er?a=1&a=%20b é=1`,
      `GET ${server.url}/get?x `,
      `PUT ${server.url}/put `,
    ]);
  });

  it("answers HEAD without a body", async () => {
    await using server = await serve(toNodeHandler(echo()));
    const response = await fetch(server.url, { method: "HEAD" });
    expect([response.status, response.headers.get("content-type"), await response.text()]).toEqual([
      200,
      "text/xml",
      "",
    ]);
  });

  it("keeps several cookies apart, and streams a long answer whole", async () => {
    const long = "x".repeat(1_000_000);
    const headers = new Headers([
      ["set-cookie", "a=1; Path=/"],
      ["set-cookie", "b=2"],
    ]);
    const sms = { fetch: async () => new Response(long, { status: 201, headers }) };
    await using server = await serve(toNodeHandler(sms));
    const response = await fetch(server.url);
    expect(response.status).toBe(201);
    expect(response.headers.getSetCookie()).toEqual(["a=1; Path=/", "b=2"]);
    expect(await response.text()).toBe(long);
  });

  it("answers 413 to a body without a length that is too long, and the client hears it", async () => {
    const { sms } = scene();
    await using server = await serve(toNodeHandler(sms));
    const { headers } = await posted();
    let left = 4096;
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1024));
        left -= 1;
        if (left === 0) controller.close();
      },
    });
    const response = await fetch(server.url, { method: "POST", headers, body, duplex: "half" } as RequestInit);
    expect([response.status, response.headers.get("content-type")]).toEqual([413, "application/json; charset=utf-8"]);
  });

  it("refuses a method that no Web request can carry", async () => {
    await using server = await serve(toNodeHandler(echo()));
    const answer = await server.raw("TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", "after-answer");
    expect(answer).toMatch(/^HTTP\/1\.1 405 /);
    expect(answer).toMatch(/allow: POST, GET/i);
  });

  it("bears a Host header that is not a host", async () => {
    const sms = echo();
    await using server = await serve(toNodeHandler(sms));
    const answer = await server.raw("GET /path?q=1 HTTP/1.1\r\nHost: ex ample:99999\r\n\r\n", "after-answer");
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    expect(sms.seen).toEqual(["GET http://localhost/path?q=1 "]);
  });

  it("outlives a client that goes away in the middle of its request", async () => {
    const { sms, lines, stored } = scene();
    await using server = await serve(toNodeHandler(sms));
    const { body, headers } = await posted();
    const head = `POST / HTTP/1.1\r\nHost: a\r\nContent-Type: ${headers["content-type"]}\r\n`;
    await server.raw(`${head}Content-Length: ${body.length}\r\n\r\n${body.slice(0, 20)}`, "at-once");
    const response = await fetch(server.url, await posted());
    expect(response.status).toBe(200);
    expect(await stored()).toHaveLength(1);
    await expect.poll(() => lines.join("\n")).toContain("its body broke off");
  });

  it("stops reading an answer when its client has gone", async () => {
    let cancelled = false;
    const sms = {
      fetch: async () =>
        new Response(
          new ReadableStream({
            pull: (controller) => controller.enqueue(new Uint8Array(65_536)),
            cancel: () => {
              cancelled = true;
            },
          }),
        ),
    };
    await using server = await serve(toNodeHandler(sms));
    await server.raw("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "after-answer");
    await expect.poll(() => cancelled).toBe(true);
  });

  it("answers 500 and logs why when fetch rejects", async () => {
    const { lines, logger } = heard();
    const sms = { fetch: () => Promise.reject(new Error("the reason")) };
    await using server = await serve(toNodeHandler(sms, { logger }));
    const response = await fetch(server.url);
    expect([response.status, await response.text()]).toEqual([500, expect.not.stringContaining("the reason")]);
    expect(lines).toEqual(["error a request was answered 500: Error: the reason"]);
  });

  it("takes no credentials from the request's own URL or host, and quotes neither in the log", async () => {
    const { lines, logger } = heard();
    const sms = echo();
    await using server = await serve(toNodeHandler(sms, { logger }));
    const { hostname, port } = new URL(server.url);
    const answers = await Promise.all(
      [
        { path: "http://user:s3cret@h.example/t/+12345678900" },
        { path: "/t/+12345678900", headers: { host: "user:s3cret@h.example" } },
      ].map(
        (options) =>
          new Promise<number | undefined>((resolve, reject) => {
            ask({ hostname, port, ...options }, (res) => resolve(res.resume().statusCode))
              .on("error", reject)
              .end();
          }),
      ),
    );
    expect(answers).toEqual([200, 200]);
    expect(sms.seen).toEqual(["GET http://h.example/t/+12345678900 ", "GET http://h.example/t/+12345678900 "]);
    expect(lines).toEqual([]);
  });

  it("quotes nothing of a request that no Web Request can carry", () => {
    const headers = { "x-name": "s3cret\u0100" };
    const odd = { method: "POST", url: "/+12345678900", headers, socket: {}, readableDidRead: false };
    let message = "";
    try {
      toRequest(odd as never, { body: "a=b" });
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain("cannot carry");
    expect(message).not.toMatch(/s3cret|2345/);
  });

  it("answers 500 at once when the body was read before", async () => {
    const { lines, logger } = heard();
    const handler = toNodeHandler(echo(), { logger });
    await using server = await serve((req, res) => {
      req.on("data", () => {}).on("end", () => handler(req, res));
    });
    const response = await fetch(server.url, { method: "POST", body: "gone" });
    expect(response.status).toBe(500);
    expect(lines).toEqual([expect.stringContaining("the request's body was read before it came here")]);
  });

  it("takes an empty body that was read before for what it is", async () => {
    const sms = echo();
    const handler = toNodeHandler(sms);
    await using server = await serve((req, res) => {
      req.on("data", () => {}).on("end", () => handler(req, res));
    });
    expect((await fetch(server.url, { method: "POST" })).status).toBe(200);
    expect(sms.seen).toEqual([`POST ${server.url}/ `]);
  });
});
