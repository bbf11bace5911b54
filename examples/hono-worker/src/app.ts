import { type Context, Hono } from "hono";
import { bodyLimit } from "hono/body-limit";
import { getCookie } from "hono/cookie";
import { type Ownline, OwnlineError } from "ownline";
import { conversationEvents } from "ownline/http/sse";

import { type Config, WEBHOOK_PATH } from "./config.ts";
import { answerError, listQueryOf, pageQueryOf, Refusal, textToSendOf, typedTextOf } from "./requests.ts";
import { bearerOf, isGoodPass, isSame, makePass } from "./secret.ts";
import { createAi, createService, logger } from "./service.ts";

const MAX_BODY_BYTES = 32 * 1024;
const NEWEST = Number.MAX_SAFE_INTEGER;
const PASS = "ownline_pass";
const PASS_SECONDS = 12 * 3600;

type Handler = (c: Context) => Promise<Response>;

/**
 * The Worker's HTTP: the provider's webhook, and an API that needs the secret. JSON in and out; times are Unix
 * milliseconds.
 */
export function createApp(config: Config): Hono {
  const app = new Hono();

  // All requests of the provider: texts, status callbacks, fallbacks. They are signed, so they need no secret.
  app.all(WEBHOOK_PATH, (c) => createService(config).fetch(c.req.raw, c.executionCtx));

  const route = (path: string, handlers: Readonly<Record<string, Handler>>) => {
    for (const [method, handler] of Object.entries(handlers)) {
      app.on(method, path, limitBody, async (c) => handler(c));
    }
    const allow = Object.keys(handlers).join(", ");
    app.all(path, () => {
      throw new Refusal(405, "wrong_method", `The caller must use ${allow} here.`, { allow });
    });
  };

  /** For callers that show the secret. */
  const withSecret =
    (handler: (c: Context, sms: Ownline) => Promise<Response>): Handler =>
    async (c) => {
      const given = bearerOf(c.req.header("authorization"));
      if (!(await isSame(given, config.apiSecret))) throw unauthorized();
      c.header("cache-control", "no-store");
      return handler(c, createService(config));
    };

  route("/info", {
    GET: withSecret(async (c) => {
      const { name } = createAi(config);
      return c.json({ senders: config.senders, ai: { name, isModel: config.ai.kind !== "offline" } });
    }),
  });

  // Typed in the app: stored and answered like a text from the phone, and never sent to the provider.
  route("/messages", {
    POST: withSecret(async (c, sms) => {
      const { id = crypto.randomUUID(), from = "", to, body = "" } = await typedTextOf(c);
      const text = { id, from, body, ...(to === undefined ? {} : { to }) };
      return c.json({ message: await sms.simulate(text, c.executionCtx) }, 201);
    }),
  });

  // A real SMS from your number. The key is required: without it, a repeated request would send a second SMS.
  route("/send", {
    POST: withSecret(async (c, sms) => {
      const { key = "", from, to = "", body = "" } = await textToSendOf(c);
      const message = await sms.send({ key, to, body, ...(from === undefined ? {} : { from }) }, c.executionCtx);
      return c.json({ message }, 201);
    }),
  });

  // Newest activity first. The cursor goes into `after` for the next page; null at the end.
  route("/conversations", {
    GET: withSecret(async (c, sms) => {
      const { after, limit = 30 } = listQueryOf(c);
      return c.json(await sms.conversations({ limit, ...(after === undefined ? {} : { after }) }));
    }),
  });

  // Oldest first with `after`, newest first with `before` or with neither. The cursor continues in the same direction.
  route("/conversations/:id/messages", {
    GET: withSecret(async (c, sms) => {
      // Read before the messages: a change in between is then sent twice. In the other order the page would miss it.
      const conversation = await existing(sms, c.req.param("id"));
      const { after, before = NEWEST, limit = 100 } = pageQueryOf(c);
      const messages = await sms.messages(
        after === undefined
          ? { conversationId: conversation.id, before, limit }
          : { conversationId: conversation.id, after, limit },
      );
      const cursor = messages.length < limit ? null : (messages.at(-1)?.seq ?? null);
      return c.json({ conversation, messages, cursor });
    }),
  });

  // A browser's EventSource cannot send the secret. So a client that has the secret gets a pass: a cookie that no
  // script can read, that pages of other sites do not send, and that opens only the events.
  route("/session", {
    POST: withSecret(async (c) => {
      const pass = await makePass(config.apiSecret, Date.now() + PASS_SECONDS * 1000);
      const secure = new URL(c.req.url).protocol === "https:" ? "; Secure" : "";
      c.header(
        "set-cookie",
        `${PASS}=${pass}; Path=/conversations; Max-Age=${PASS_SECONDS}; HttpOnly; SameSite=Strict${secure}`,
      );
      return c.json({ expiresInMs: PASS_SECONDS * 1000 });
    }),
  });

  const mayRead = async (c: Context): Promise<boolean> =>
    (await isSame(bearerOf(c.req.header("authorization")), config.apiSecret)) ||
    isGoodPass(getCookie(c, PASS) ?? "", config.apiSecret, Date.now());

  // From the position in Last-Event-ID, or in ?after=: the client misses no message and gets none twice.
  route("/conversations/:id/events", {
    GET: async (c) => {
      if (!(await mayRead(c))) throw unauthorized();
      const conversationId = c.req.param("id") ?? "";
      return conversationEvents(createService(config), c.req.raw, { conversationId, authorize: () => "allow", logger });
    },
  });

  app.notFound(() => {
    throw new Refusal(404, "not_found", "There is nothing at this path: the caller must correct it; see the README.");
  });
  app.onError(answerError);
  return app;
}

const limitBody = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: () => {
    throw new Refusal(413, "too_large", `The body is longer than ${MAX_BODY_BYTES / 1024} kB: send less.`);
  },
});

function unauthorized(): Refusal {
  return new Refusal(
    401,
    "unauthorized",
    "The caller must show the Worker's API_SECRET: Authorization: Bearer …; a browser's events need a pass of POST /session.",
    { "www-authenticate": "Bearer" },
  );
}

async function existing(sms: Ownline, id: string | undefined) {
  const conversation = await sms.conversation(id ?? "");
  if (conversation !== null) return conversation;
  throw new OwnlineError("not_found", "There is no such conversation.");
}
