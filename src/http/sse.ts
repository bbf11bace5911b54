import {
  aFunction,
  logger as aLogger,
  anyText,
  checkedOptions,
  count,
  type Fields,
  lazily,
  methods,
  milliseconds,
  object,
  optional,
} from "../check.ts";
import type { FeedOptions } from "../engine/api/feed.ts";
import { type EngineClock, realClock } from "../engine/options/clock.ts";
import { isOwnlineError } from "../errors.ts";
import { hook } from "../hook.ts";
import { consoleLogger, type Logger } from "../logger.ts";
import type { Conversation } from "../model/conversation.ts";
import type { Message } from "../model/message.ts";
import type { ConversationList, ConversationPage } from "../storage/storage.ts";
import { describeThrown, reasonOf } from "../thrown.ts";
import { eventStream, type ServerEvent } from "./event-stream.ts";

/** The parts of ownline that {@link conversationEvents} needs. */
export interface ConversationEventsPart {
  readonly events: (options: FeedOptions) => AsyncGenerator<Message, void, void>;
  readonly conversation: (id: string) => Promise<Pick<Conversation, "seq"> | null>;
}

/** The part of ownline that {@link overviewEvents} needs. */
export interface OverviewEventsPart {
  readonly conversations: (page: ConversationPage) => Promise<ConversationList>;
}

/** `unauthorized`: the caller has not said who it is (401). `forbidden`: it may not read this (403). */
export type Authorization = "allow" | "unauthorized" | "forbidden";

export interface EventsOptions {
  /**
   * Decides for each request, before the ledger is read. A browser's `EventSource` sends cookies, but no headers of
   * your own. Where other code has already decided, give `() => "allow"`. Any other value than `"allow"` refuses the
   * request.
   */
  readonly authorize: (request: Request) => Authorization | Promise<Authorization>;
  /**
   * After this time without an event, a comment is written. So proxies keep the connection open, and the service
   * notices a reader that has disconnected. @default 15000
   */
  readonly heartbeatMs?: number;
  /** Gets an error line where something fails. @default warnings and errors to the console */
  readonly logger?: Logger;
  /** For tests: `manualClock()` of `ownline/testing`. @default real time */
  readonly clock?: EngineClock;
}

export interface ConversationEventsOptions extends EventsOptions {
  readonly conversationId: string;
}

export interface OverviewEventsOptions extends EventsOptions {
  /** How often each stream reads the ledger. @default 2000 */
  readonly pollMs?: number;
  /**
   * How many conversations a new reader gets, the newest first. Each read of the ledger asks for this many. @default 50
   */
  readonly pageSize?: number;
}

/** The data of `event: conversation`: the conversation has reached position `seq`. */
export interface ConversationPosition {
  readonly id: string;
  readonly seq: number;
}

const HEARTBEAT_MS = 15_000;
const POLL_MS = 2000;
const PAGE_SIZE = 50;
/**
 * How far before the newest change that a reader knows the list is read again. Two processes may commit in another
 * order than their clocks say.
 */
const OVERLAP_MS = 10_000;

const eventsFields = (): Fields<EventsOptions> => ({
  authorize: aFunction<EventsOptions["authorize"]>(
    'give a function (request) => "allow", "unauthorized" or "forbidden"',
  ),
  heartbeatMs: optional(milliseconds(1)),
  logger: optional(aLogger()),
  clock: optional(methods<EngineClock>(["now", "sleep"], "give a clock with now and sleep")),
});
const OBJECT = "give an object of options";
const conversationSchema = lazily(() =>
  object<ConversationEventsOptions>(
    { ...eventsFields(), conversationId: anyText("give the conversation's id") },
    OBJECT,
  ),
);
const overviewSchema = lazily(() =>
  object<OverviewEventsOptions>(
    {
      ...eventsFields(),
      pollMs: optional(milliseconds(1)),
      pageSize: optional(count("give a number of conversations, 1 or more")),
    },
    OBJECT,
  ),
);

/**
 * Answers a GET with the events of one conversation, for a browser's `EventSource`: first the events after the
 * browser's position, then new ones. No event is missed and no event is sent twice, also after a long gap, and also
 * where other processes wrote the events.
 *
 * Each event is `event: message`, `id:` its `changedSeq`, `data:` the {@link Message} as JSON. A message is sent again
 * when its delivery status changes, with the same `message.id` and a higher position. The position is the header
 * `Last-Event-ID`, which browsers send when they reconnect, or else `?after=`. Without a position, the whole history
 * comes first.
 *
 * 401 and 403 as `authorize` says, 400 for a position that this conversation never gave, 404 for an unknown
 * conversation, 405 for other methods, 503 where the ledger cannot be reached: JSON, `{ error: { code, message } }`.
 * `EventSource` does not reconnect after such an answer; the page must do it. Where the ledger fails later, the stream
 * ends, and the browser reconnects by itself.
 *
 * The ledger is read only as fast as the reader takes the events. The stream ends when the reader disconnects (its body
 * is cancelled, or the request's signal is aborted). The authorization holds until the stream ends.
 *
 * @throws OwnlineError `invalid_options` for an option that is not known or wrong.
 * @example
 * ```ts
 * import type { Ownline } from "ownline";
 * import { conversationEvents } from "ownline/http/sse";
 *
 * declare function mayRead(request: Request): Promise<boolean>;
 *
 * // Hono, Workers: return it. Express: app.get(path, toExpress({ fetch: (request) => answer(sms, request) }))
 * export function answer(sms: Ownline, request: Request): Promise<Response> {
 *   return conversationEvents(sms, request, {
 *     conversationId: new URL(request.url).pathname.split("/").at(-2) ?? "",
 *     authorize: async () => ((await mayRead(request)) ? "allow" : "unauthorized"),
 *   });
 * }
 * ```
 */
export async function conversationEvents(
  sms: ConversationEventsPart,
  request: Request,
  options: ConversationEventsOptions,
): Promise<Response> {
  const given = checkedOptions(conversationSchema, options, "conversationEvents()");
  const { conversationId } = given;
  return answer(request, given, async (position) => {
    const conversation = await sms.conversation(conversationId);
    if (conversation === null) return refuse(404, "not_found", "there is no such conversation");
    if (position !== null && position > conversation.seq) return wrongPosition();
    return async function* (signal) {
      for await (const message of sms.events({ conversationId, after: position ?? 0, signal })) {
        yield { id: String(message.changedSeq), event: "message", data: message };
      }
    };
  });
}

/**
 * Answers a GET with the positions of all conversations: `event: conversation`, `data: { id, seq }`. A reader that has
 * an older position of a conversation fetches the missing messages. The first page comes at once, then the changes. A
 * reader that reconnects with `Last-Event-ID` gets each conversation with a message since then.
 *
 * Bounds: each stream reads the newest page from the ledger every `pollMs`, and further pages only where more has
 * changed. A conversation is sent when a message is stored in it. A change of a delivery status alone is sent only
 * while the conversation is among the newest `pageSize`. The answers, and the end of the stream, are those of
 * {@link conversationEvents}.
 *
 * @throws OwnlineError `invalid_options` for an option that is not known or wrong.
 */
export async function overviewEvents(
  sms: OverviewEventsPart,
  request: Request,
  options: OverviewEventsOptions,
): Promise<Response> {
  const given = checkedOptions(overviewSchema, options, "overviewEvents()");
  const { pollMs = POLL_MS, pageSize = PAGE_SIZE, clock = realClock } = given;
  return answer(request, given, async (position) => {
    const first = await sms.conversations({ limit: pageSize });
    return async function* (signal) {
      let known: ReadonlyMap<string, number> = new Map();
      let horizon = position;
      let page = first;
      for (;;) {
        const seen = new Map<string, number>();
        const newest = page.conversations[0]?.updatedAt ?? horizon ?? 0;
        for (;;) {
          for (const { id, seq } of page.conversations) {
            seen.set(id, seq);
            if (known.get(id) !== seq)
              yield { event: "conversation", data: { id, seq } satisfies ConversationPosition };
          }
          const oldest = page.conversations.at(-1)?.updatedAt ?? 0;
          if (page.cursor === null || horizon === null || oldest < horizon - OVERLAP_MS) break;
          page = await sms.conversations({ limit: pageSize, after: page.cursor });
          if (signal.aborted) return;
        }
        known = seen;
        // The id is sent only now, when all conversations up to it have been sent.
        if (newest > (horizon ?? 0)) yield { id: String(newest) };
        horizon = newest;
        await clock.sleep(pollMs, { signal });
        if (signal.aborted) return;
        page = await sms.conversations({ limit: pageSize });
      }
    };
  });
}

type Events = (signal: AbortSignal) => AsyncGenerator<ServerEvent, void, void>;

async function answer(
  request: Request,
  options: EventsOptions,
  open: (position: number | null) => Promise<Events | Response>,
): Promise<Response> {
  const { authorize, heartbeatMs = HEARTBEAT_MS, logger = consoleLogger, clock = realClock } = options;
  if (request.method !== "GET") {
    return refuse(405, "method_not_allowed", "events are read with GET", { allow: "GET" });
  }
  try {
    const authorization: unknown = await hook("options.authorize", () => authorize(request));
    if (authorization === "unauthorized") {
      return refuse(401, "unauthorized", "say who you are first", { "www-authenticate": "Bearer" });
    }
    if (authorization !== "allow") return refuse(403, "forbidden", "you may not read this");
    const position = positionOf(request);
    if (position === undefined) return wrongPosition();
    const events = await open(position);
    if (events instanceof Response) return events;

    const gone = new AbortController();
    const leave = (): void => gone.abort();
    if (request.signal.aborted) leave();
    request.signal.addEventListener("abort", leave, { once: true, signal: gone.signal });
    const failed = (error: unknown): void => {
      logger.error(`an event stream ended, and its reader will reconnect: ${reasonOf(error)}`);
    };
    return new Response(eventStream(events(gone.signal), { heartbeatMs, clock, gone, failed }), {
      headers: {
        "content-type": "text/event-stream; charset=utf-8",
        // Compression would delay the events, and so would the buffering of nginx.
        "cache-control": "no-cache, no-transform",
        "x-accel-buffering": "no",
      },
    });
  } catch (error) {
    const isStorage = isOwnlineError(error) && error.party === "storage";
    logger.error(`an event stream was answered ${isStorage ? 503 : 500}: ${reasonOf(error)}`);
    if (isOwnlineError(error) && error.cause !== undefined) logger.debug(`caused by ${describeThrown(error.cause)}`);
    return isStorage
      ? refuse(503, error.code, "the events cannot be read now; try again", { "retry-after": "5" })
      : refuse(500, "internal", "the events cannot be read; the reason is in the server's log");
  }
}

/** The reader's position; `null` where the request has none, `undefined` where it is not a valid position. */
function positionOf(request: Request): number | null | undefined {
  // A browser that reconnects repeats the first URL, so its header is newer than `?after=`.
  const said = request.headers.get("last-event-id") || new URL(request.url).searchParams.get("after");
  if (said === null || said === "") return null;
  return /^\d{1,15}$/.test(said) ? Number(said) : undefined;
}

function wrongPosition(): Response {
  return refuse(
    400,
    "wrong_position",
    "Last-Event-ID, or ?after=, is not a position that these events have given: leave it out to begin again",
  );
}

function refuse(status: number, code: string, message: string, headers: Record<string, string> = {}): Response {
  return Response.json({ error: { code, message } }, { status, headers });
}
