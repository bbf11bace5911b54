import { requestFor } from "../engine/outbound/attempt.ts";
import { isWaitUntil, type WaitUntil } from "../engine/worker/wake-ups.ts";
import { isOwnlineError } from "../errors.ts";
import type { Logger } from "../logger.ts";
import type { RecordedInbound } from "../storage/storage.ts";
import { describeThrown, reasonOf } from "../thrown.ts";
import type { ReceivedMessage, SendRequest, StatusCallback, Transport } from "../transport/transport.ts";

/**
 * Answers the provider's requests. Mount it at the path of the transport's `webhookUrl`, in any framework. A second
 * argument without `waitUntil`, such as the route parameters of Next.js, is ignored.
 */
export type WebhookHandler = (request: Request, ctx?: WaitUntil | object) => Promise<Response>;

/** The parts of the engine that the handler needs. */
export interface WebhookReceiver {
  receiveWebhook(
    message: ReceivedMessage,
    ctx?: WaitUntil,
  ): Promise<Pick<RecordedInbound, "autoReply" | "conversation">>;
  receiveStatus(callback: StatusCallback): Promise<void>;
}

/** The provider's requests are small. A longer request is not from the provider. */
const MAX_BODY_BYTES = 64 * 1024;
/** The longest log line about a refused request. A longer line of a transport is cut. */
const MAX_LINE = 4000;

/**
 * Makes the handler. It answers 2xx only after the commit. It answers 503 where the ledger cannot be reached, so that
 * the provider's retry or fallback sends the text again. It answers 400, 403, 405, 413 and 415 with a sentence that
 * says why.
 */
export function createHandler(transport: Transport, receiver: WebhookReceiver, logger: Logger): WebhookHandler {
  /** The message is stored, so it is acknowledged even where its auto-reply cannot be written. */
  const answer = (autoReply: SendRequest | null): Response => {
    try {
      return transport.acknowledge(autoReply);
    } catch (error) {
      if (autoReply === null) throw error;
      logger.error(
        `a webhook was acknowledged without its auto-reply, which the transport (${transport.name}) could not write: ${reasonOf(error)}`,
      );
      logger.debug(describeThrown(error));
      return transport.acknowledge(null);
    }
  };

  return async (request, ctx) => {
    if (request.bodyUsed || request.body?.locked) {
      logger.error(
        "a webhook was answered 500, and nothing was acknowledged: other code has read its body. Give ownline the unread request: mount it before body parsers, or pass a clone of the request that was made before they ran",
      );
      return refuse(500, "internal", "the text could not be handled; send it again");
    }
    let body: string | null;
    try {
      body = request.url.length > MAX_BODY_BYTES ? null : await readBody(request);
    } catch (error) {
      // The caller has probably closed the connection, and does not get this answer.
      logger.warn(
        "a webhook was refused with 400: its body broke off before it was complete; the provider may repeat it",
      );
      logger.debug(describeThrown(error));
      return refuse(400, "incomplete", "the body broke off before it was complete");
    }
    if (body === null) {
      logger.warn(
        `a webhook was refused with 413: its body or its URL is longer than ${MAX_BODY_BYTES / 1024} kB, which no provider sends`,
      );
      return refuse(413, "too_large", `the body is longer than ${MAX_BODY_BYTES / 1024} kB`);
    }
    try {
      const received = await transport.receive({
        method: request.method,
        url: request.url,
        headers: request.headers,
        body,
      });
      switch (received.kind) {
        case "rejected":
          logger.warn(oneLine(received.log));
          return refuse(
            received.httpStatus,
            "webhook_rejected",
            received.reason,
            received.httpStatus === 405
              ? { allow: "POST, GET" }
              : received.httpStatus === 503
                ? { "retry-after": "5" }
                : {},
          );
        case "ignored":
          if (received.log === undefined) logger.info(`a webhook was acknowledged and ignored: ${received.reason}`);
          else logger.warn(oneLine(received.log));
          return transport.acknowledge(null);
        case "status":
          await receiver.receiveStatus(received.callback);
          return transport.acknowledge(null);
        case "inbound": {
          const { autoReply, conversation } = await receiver.receiveWebhook(
            received.message,
            isWaitUntil(ctx) ? ctx : undefined,
          );
          const line = conversation?.line ?? received.message.to;
          return answer(autoReply === null ? null : requestFor(autoReply, 1, line));
        }
        default:
          return received satisfies never;
      }
    } catch (error) {
      return failed(error, logger);
    }
  };
}

/**
 * Makes one line of limited length. A stranger may choose the names in the query, and must not add lines to the log or
 * fill it.
 */
function oneLine(text: string): string {
  return text.slice(0, MAX_LINE).replace(/[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]+/gu, " ");
}

function failed(error: unknown, logger: Logger): Response {
  if (isOwnlineError(error) && error.party === "storage") {
    logger.error(`a webhook was answered 503, so that the provider sends it again: ${error.code}: ${error.message}`);
    return refuse(503, error.code, "the text could not be stored; send it again", { "retry-after": "5" });
  }
  if (isOwnlineError(error) && error.code === "invalid_address") {
    // No storage can store this address, so the provider must not send the text again without end.
    logger.warn(`a webhook was refused with 400, and its text is not stored: ${error.message}`);
    return refuse(
      400,
      "webhook_rejected",
      "an address of the text cannot be stored: it is too long, or has control characters",
    );
  }
  logger.error(`a webhook was answered 500, and nothing was acknowledged: ${reasonOf(error)}`);
  logger.debug(describeThrown(error));
  return refuse(500, "internal", "the text could not be handled; send it again");
}

/** Never text/plain: a provider may send such an answer to the person as a text. */
function refuse(status: number, code: string, message: string, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify({ error: { code, message } }), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", ...headers },
  });
}

/** The body as text; `null` where it is longer than allowed. A body that is too long is not read to its end. */
async function readBody(request: Request): Promise<string | null> {
  if (Number(request.headers.get("content-length") ?? 0) > MAX_BODY_BYTES) return null;
  if (request.body === null) return "";
  const decoder = new TextDecoder();
  let bytes = 0;
  let text = "";
  for await (const chunk of request.body) {
    bytes += chunk.byteLength;
    if (bytes > MAX_BODY_BYTES) return null;
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
