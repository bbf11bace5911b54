import express, { type Express, Router } from "express";
import { getExpectedTwilioSignature } from "twilio/lib/webhooks/webhooks.js";
import { describe, expect, it } from "vitest";
import { type ExpressRequest, toExpress } from "../../src/http/express.ts";
import { signRequest } from "../../src/transport/twilio/twilio.ts";
import { heard, PUBLIC, posted, scene, TOKEN, textParams } from "./scene.ts";
import { serve } from "./serve.ts";

const PATH = "/api/webhooks/sms";

type Mount = (app: Express, webhook: ReturnType<typeof toExpress>) => void;

/** Awkward in every way that a parser could trip over, and genuine: nothing but names with brackets is left out. */
function awkward(): URLSearchParams {
  const params = textParams({
    Body: "  1+1=2 & ünï😀\r\n%41 'q' \"z\"  ",
    ChannelMetadata: '{"a":[1]}',
    FromCity: "",
    "a.b": "",
    __proto: "x",
  });
  for (const value of ["b", "a", "b", ""]) params.append("Repeated", value);
  return params;
}

const MOUNTS: readonly (readonly [string, Mount])[] = [
  ["with no parser", (app, webhook) => app.use(PATH, webhook)],
  ["before the parsers", (app, webhook) => app.use(PATH, webhook).use(express.urlencoded(), express.json())],
  ["after express.urlencoded()", (app, webhook) => app.use(express.urlencoded()).use(PATH, webhook)],
  [
    "after express.urlencoded({ extended: true })",
    (app, webhook) => app.use(express.urlencoded({ extended: true })).use(PATH, webhook),
  ],
  ["after express.json()", (app, webhook) => app.use(express.json()).use(PATH, webhook)],
  ["after both", (app, webhook) => app.use(express.json(), express.urlencoded({ extended: true })).use(PATH, webhook)],
  ["after express.text()", (app, webhook) => app.use(express.text({ type: "*/*" })).use(PATH, webhook)],
  ["after express.raw()", (app, webhook) => app.use(express.raw({ type: "*/*" })).use(PATH, webhook)],
  ["as a route", (app, webhook) => app.post(PATH, webhook)],
  ["in nested routers", (app, webhook) => app.use("/api", Router().use("/webhooks", Router().all("/sms", webhook)))],
  [
    "behind a middleware that waits",
    (app, webhook) => app.use((_req, _res, next) => void setImmediate(next)).use(PATH, webhook),
  ],
];

async function serving(mount: Mount) {
  const { sms, stored, lines } = scene();
  const { logger } = heard();
  const app = express();
  mount(app, toExpress(sms, { logger: { ...logger, error: (line) => void lines.push(`error ${line}`) } }));
  return { ...(await serve(app)), stored, lines };
}

describe("Express", () => {
  it.each(MOUNTS)("stores a signed webhook %s", async (_, mount) => {
    await using server = await serving(mount);
    const response = await fetch(server.url + PATH, await posted(awkward()));
    expect([response.status, response.headers.get("content-type")]).toEqual([200, "text/xml; charset=utf-8"]);
    expect(await response.text()).toContain("<Response");
    expect(await server.stored()).toMatchObject([{ body: awkward().get("Body") }]);
  });

  it.each(MOUNTS)("refuses a forged webhook %s", async (_, mount) => {
    await using server = await serving(mount);
    const request = await posted(awkward());
    const response = await fetch(server.url + PATH, { ...request, body: `${request.body}&Body=more` });
    expect(response.status).toBe(403);
    expect(await server.stored()).toEqual([]);
  });

  it.each(MOUNTS)("gives the query of a status callback on %s", async (_, mount) => {
    await using server = await serving(mount);
    const query = "?ownline=out.1";
    const params = new URLSearchParams({ MessageSid: `SM${"1".repeat(32)}`, MessageStatus: "sent" });
    expect((await fetch(server.url + PATH + query, await posted(params, query))).status).toBe(200);
    expect((await fetch(server.url + PATH, await posted(params, query))).status).toBe(403);
  });

  it("agrees with the official package on what is signed", async () => {
    await using server = await serving((app, webhook) => app.use(express.urlencoded()).use(PATH, webhook));
    const params = Object.fromEntries(textParams());
    const signature = getExpectedTwilioSignature(TOKEN, PUBLIC, params);
    const response = await fetch(server.url + PATH, {
      method: "POST",
      headers: { "x-twilio-signature": signature },
      body: textParams(),
    });
    expect(response.status).toBe(200);
  });

  it("shows the webhook the whole URL that was asked for, however deep it is mounted", async () => {
    const urls: string[] = [];
    const webhook = toExpress({
      async fetch(request) {
        urls.push(request.url);
        return new Response();
      },
    });
    await using server = await serve(express().use("/api", Router().use("/webhooks", Router().use("/sms", webhook))));
    await fetch(`${server.url}${PATH}/?x=%27`, { method: "POST" });
    expect(urls).toEqual([`${server.url}${PATH}/?x=%27`]);
  });

  it("passes GET and HEAD through to the webhook", async () => {
    await using server = await serving((app, webhook) => app.use(express.urlencoded()).use(PATH, webhook));
    const unsigned = await fetch(server.url + PATH);
    expect([unsigned.status, unsigned.headers.get("content-type")]).toEqual([400, "application/json; charset=utf-8"]);
    const head = await fetch(server.url + PATH, { method: "HEAD" });
    expect([head.status, await head.text()]).toEqual([405, ""]);
  });

  it.each([
    ["nested objects", "Body=hello&Media[0][url]=x"],
    ["a list out of brackets", "Body=hello&Media[]=x"],
  ])("answers 500 and names the remedy when a parser made %s", async (_, body) => {
    await using server = await serving((app, webhook) =>
      app.use(express.urlencoded({ extended: true })).use(PATH, webhook),
    );
    const request = await posted(new URLSearchParams(body));
    const response = await fetch(server.url + PATH, { ...request, body });
    expect([response.status, response.headers.get("content-type")]).toEqual([500, "application/json; charset=utf-8"]);
    expect(server.lines).toEqual([expect.stringContaining("express.urlencoded({ extended: false })")]);
  });

  it("keeps names with brackets whole where the parser is the simple one", async () => {
    await using server = await serving((app, webhook) =>
      app.use(express.urlencoded({ extended: false })).use(PATH, webhook),
    );
    const params = textParams({ "Media[0][url]": "x", "List[]": "y" });
    expect((await fetch(server.url + PATH, await posted(params))).status).toBe(200);
  });

  it("answers 500 at once and names the remedy when a middleware has read the body and kept nothing", async () => {
    await using server = await serving((app, webhook) =>
      app.use((req, _res, next) => void req.on("data", () => {}).on("end", next)).use(PATH, webhook),
    );
    const response = await fetch(server.url + PATH, await posted());
    expect(response.status).toBe(500);
    expect(server.lines).toEqual([expect.stringContaining("mount the webhook before that middleware")]);
  });

  it("answers 413 to a parsed body over 64 kB", async () => {
    await using server = await serving((app, webhook) => app.use(express.urlencoded()).use(PATH, webhook));
    const request = await posted();
    const body = `${request.body}&Long=${"x".repeat(70_000)}`;
    expect((await fetch(server.url + PATH, { ...request, body })).status).toBe(413);
  });

  it("gives an error of fetch to the error handler", async () => {
    const app = express();
    app.use(PATH, toExpress({ fetch: () => Promise.reject(new Error("boom")) }));
    app.use((error: Error, _req: express.Request, res: express.Response, _next: express.NextFunction) => {
      res.status(500).json({ handled: error.message });
    });
    await using server = await serve(app);
    const response = await fetch(server.url + PATH, { method: "POST" });
    expect([response.status, await response.json()]).toEqual([500, { handled: "boom" }]);
  });
});

describe("a JSON webhook in Express", () => {
  const json = '{ "event":  "é" }';

  async function signed() {
    const bytes = new TextEncoder().encode(json);
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
    const query = `?bodySHA256=${[...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("")}`;
    const signature = await signRequest({ authToken: TOKEN, url: PUBLIC + query, rawBody: json });
    return {
      query,
      init: {
        method: "POST",
        body: json,
        headers: { "content-type": "application/json", "x-twilio-signature": signature },
      },
    };
  }

  it.each<readonly [string, Mount]>([
    ["before express.json()", (app, webhook) => app.use(PATH, webhook).use(express.json())],
    [
      "after express.json({ verify }) that keeps the bytes",
      (app, webhook) =>
        app
          .use(
            express.json({
              verify: (req: ExpressRequest & { rawBody?: unknown }, _res, bytes) => {
                req.rawBody = bytes;
              },
            }),
          )
          .use(PATH, webhook),
    ],
  ])("is verified by its bytes %s", async (_, mount) => {
    await using server = await serving(mount);
    const { query, init } = await signed();
    const response = await fetch(server.url + PATH + query, init);
    expect(response.status).toBe(200);
    const forged = await fetch(server.url + PATH + query, { ...init, body: json.replace("é", "e") });
    expect(forged.status).toBe(403);
  });

  it("is answered 500 with the remedy in the log after a plain express.json()", async () => {
    await using server = await serving((app, webhook) => app.use(express.json()).use(PATH, webhook));
    const { query, init } = await signed();
    expect((await fetch(server.url + PATH + query, init)).status).toBe(500);
    expect(server.lines).toEqual([expect.stringContaining("express.json({ verify:")]);
  });
});
