import { createServer, type Server } from "node:http";
import express from "express";
import { Hono } from "hono";
import twilio from "twilio";
import { toExpress } from "../../src/http/express.ts";
import { peer } from "../peers.ts";
import { cpuMsSince, serve } from "../processes.ts";
import { type Contestant, type ContestantSpec, openContestant, type Setup } from "../webhook/contestant.ts";
import { fetchOverLoopback } from "../webhook/provider.ts";
import { FORM, HOOK, HOOK_PATH, TOKEN } from "../webhook/texts.ts";
import { twilioReplies } from "../webhook/twilio-package.ts";

/** One server in a process of its own: a framework, and the contestant that takes the webhook in it. */
export interface ServerTask {
  readonly framework: "express" | "hono";
  /** `twilio` in Express is the package's middleware, used as its documentation says. */
  readonly contestant: ContestantSpec;
  readonly answers: boolean;
  /** The URL of the provider. */
  readonly providerUrl: string;
}

export interface ServerCommand {
  readonly look: "port" | "processor time";
}

export interface ServerAnswer {
  readonly port: number;
  /** Since the last query. */
  readonly cpuMs: number;
}

/** Prints the error of a reply. The run then ends, because the reply is missing. */
const waitUntil = (work: Promise<unknown>) => void work.catch(console.error);

await serve<ServerTask, ServerCommand, ServerAnswer>(async (task) => {
  const { framework, contestant: spec } = task;
  const setup: Setup = { answers: task.answers, fetch: fetchOverLoopback(task.providerUrl) };
  const contestant = framework === "express" && spec.kind === "twilio" ? null : await openContestant(spec, setup);
  const server =
    contestant === null
      ? inExpress(expressAlone(setup))
      : framework === "hono"
        ? await inHono(contestant)
        : inExpress(spec.kind === "ownline" ? ownlineInExpress(contestant) : fetchInExpress(contestant));
  const port = await listen(server);
  let cpu = process.cpuUsage();
  return {
    handle() {
      const cpuMs = cpuMsSince(cpu);
      cpu = process.cpuUsage();
      return { port, cpuMs };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await contestant?.close();
    },
  };
});

type Mount = (app: express.Express) => void;

function inExpress(mount: Mount): Server {
  const app = express();
  mount(app);
  return createServer(app);
}

/** https://www.twilio.com/docs/usage/tutorials/how-to-secure-your-express-app-by-validating-incoming-twilio-requests */
function expressAlone({ answers, fetch }: Setup): Mount {
  const reply = twilioReplies(fetch);
  return (app) => {
    app.post(HOOK_PATH, express.urlencoded({ extended: false }), twilio.webhook(TOKEN, { url: HOOK }), (req, res) => {
      if (answers) waitUntil(reply(req.body.From));
      res.type("text/xml").send(new twilio.twiml.MessagingResponse().toString());
    });
  };
}

function ownlineInExpress(contestant: Contestant): Mount {
  const fetch = (request: Request) => contestant.handle(request, waitUntil);
  return (app) => void app.use(HOOK_PATH, toExpress({ fetch }));
}

/** The least code that makes a Request from Express's request, and sends a Response. */
function fetchInExpress(contestant: Contestant): Mount {
  return (app) => {
    app.post(HOOK_PATH, express.text({ type: FORM }), async (req, res) => {
      const headers = { "content-type": FORM, "x-twilio-signature": req.get("x-twilio-signature") ?? "" };
      const request = new Request(HOOK, { method: "POST", headers, body: req.body });
      const response = await contestant.handle(request, waitUntil);
      res.status(response.status).type(response.headers.get("content-type") ?? "text/xml");
      res.send(await response.text());
    });
  };
}

/** https://hono.dev/docs/getting-started/nodejs */
async function inHono(contestant: Contestant): Promise<Server> {
  const app = new Hono();
  app.post(HOOK_PATH, (c) => contestant.handle(c.req.raw, waitUntil));
  const { createAdaptorServer } = await peer("@hono/node-server");
  return createAdaptorServer({ fetch: app.fetch });
}

function listen(server: Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      if (typeof address === "object" && address !== null) resolve(address.port);
    });
  });
}
