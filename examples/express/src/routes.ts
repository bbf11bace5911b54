import { randomUUID } from "node:crypto";
import express, { type ErrorRequestHandler, type Router } from "express";
import { isOwnlineError, type Ownline, OwnlineError, type OwnlineErrorCode } from "ownline";
import type { Live } from "./live.ts";
import { listQueryOf, operatorTextOf, pageQueryOf, typedTextOf } from "./requests.ts";

/** The server's settings that the page needs. */
export interface ServerInfo {
  readonly senders: readonly string[];
  /** The AI's name, and whether it is a model at all. */
  readonly ai: { readonly name: string; readonly isModel: boolean };
  /** Whether the provider is the emulator, which has a phone to try. */
  readonly demo: boolean;
}

const NEWEST = Number.MAX_SAFE_INTEGER;

/** The API of the page. JSON in and out; times are Unix milliseconds. */
export function apiRoutes(sms: Ownline, live: Pick<Live, "conversationChanged">, info: ServerInfo): Router {
  const routes = express.Router();
  routes.use(express.json({ limit: "32kb" }));

  routes.get("/info", (_req, res) => {
    res.json(info);
  });

  // Typed in the app: stored and answered like a text from the phone, and never sent to the provider.
  routes.post("/messages", async (req, res) => {
    const { id = randomUUID(), from = "", to, body = "" } = typedTextOf(req.body);
    const message = await sms.simulate({ id, from, body, ...(to === undefined ? {} : { to }) });
    res.status(201).json({ message });
  });

  routes.get("/conversations", async (req, res) => {
    const { after } = listQueryOf(req.query);
    const { conversations, cursor } = await sms.conversations({ limit: 30, ...(after === undefined ? {} : { after }) });
    const newest = await Promise.all(
      conversations.map(({ id }) => sms.messages({ conversationId: id, before: NEWEST, limit: 1 })),
    );
    res.json({
      conversations: conversations.map((conversation, index) => ({
        ...conversation,
        lastMessage: newest[index]?.[0] ?? null,
      })),
      cursor,
    });
  });

  // Newest first with `before`, oldest first with `after`; the newest ones without either.
  routes.get("/conversations/:id/messages", async (req, res) => {
    // Read before the messages: a change in between is then sent twice. In the other order the page would miss it.
    const conversation = await existing(sms, req.params.id);
    const { after, before = NEWEST, limit = 100 } = pageQueryOf(req.query);
    const messages = await sms.messages(
      after === undefined
        ? { conversationId: conversation.id, before, limit }
        : { conversationId: conversation.id, after, limit },
    );
    res.json({ conversation, messages });
  });

  // An operator writes: a real SMS from the number of this conversation.
  routes.post("/conversations/:id/messages", async (req, res) => {
    const { id: key = randomUUID(), body = "" } = operatorTextOf(req.body);
    const { sender, participant } = await existing(sms, req.params.id);
    const message = await sms.send({
      key,
      from: sender,
      to: participant,
      body,
      origin: "operator",
    });
    res.status(201).json({ message });
  });

  // An operator takes over, and hands back. Texts that came in between count as answered.
  routes.post("/conversations/:id/pause", async (req, res) => {
    const conversation = await sms.pause(req.params.id);
    await live.conversationChanged(conversation.id);
    res.json({ conversation });
  });

  routes.post("/conversations/:id/resume", async (req, res) => {
    const conversation = await sms.resume(req.params.id);
    await live.conversationChanged(conversation.id);
    res.json({ conversation });
  });

  routes.use((req, _res, next) => {
    next(new OwnlineError("not_found", `there is nothing at ${req.method} ${req.originalUrl.split("?", 1)[0]}`));
  });
  routes.use(answerErrors);
  return routes;
}

const STATUS: Partial<Record<OwnlineErrorCode, number>> = {
  not_found: 404,
  opted_out: 409,
  erased: 409,
  invalid_state: 409,
  storage_unavailable: 503,
};

/**
 * A caller's mistake is named in the answer. An error of the server goes to the log, and the caller gets no details.
 */
export const answerErrors: ErrorRequestHandler = (error: unknown, _req, res, _next) => {
  if (isOwnlineError(error) && (error.party === "caller" || error.code === "storage_unavailable")) {
    res.status(STATUS[error.code] ?? 400).json({ error: { code: error.code, message: error.message } });
    return;
  }
  // Errors of Express and of its parsers carry their status.
  const wanted: unknown = error instanceof Error && "status" in error ? error.status : undefined;
  if (error instanceof Error && typeof wanted === "number" && wanted >= 400 && wanted < 500) {
    res
      .status(wanted)
      .json({ error: { code: "bad_request", message: `The request was not understood: ${error.message}` } });
    return;
  }
  console.error(error);
  res.status(500).json({ error: { code: "internal", message: "The server failed; its log says why." } });
};

async function existing(sms: Ownline, id: string) {
  const conversation = await sms.conversation(id);
  if (conversation !== null) return conversation;
  throw new OwnlineError("not_found", "There is no such conversation.");
}
