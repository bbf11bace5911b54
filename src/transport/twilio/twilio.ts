import { mistakesError } from "../../unknown-fields.ts";
import type { SendRequest, Transport } from "../transport.ts";
import { find, listInbound, senders } from "./list.ts";
import { parseOptions } from "./options/account.ts";
import type { SingleOptions, TwilioOptions } from "./options.ts";
import { receive } from "./receive.ts";
import { createMessage, sendResult, statusCallbackUrl } from "./send.ts";
import { tenants } from "./tenants.ts";
import { messagingResponse } from "./twiml.ts";

export {
  type ClassifiedError,
  classifyError,
  type ProviderErrorClass,
  parseErrorBody,
  parseRetryAfter,
} from "./errors.ts";
export type {
  AccountCacheOptions,
  AccountResolver,
  TwilioAccountOptions,
  TwilioClientOptions,
  TwilioCredentials,
  TwilioOptions,
  TwilioTenantOptions,
} from "./options.ts";
export type { CreateMessage, FetchFunction, TwilioClient } from "./rest.ts";
export { type SendMessageInput, type SendOutcome, sendMessage } from "./send-message.ts";
export {
  type SignRequestInput,
  signRequest,
  type VerifyRequestInput,
  type VerifyRequestResult,
  verifyRequest,
  type WebhookParams,
} from "./signature.ts";
export { emptyResponse, messagingResponse, type TwimlReply } from "./twiml.ts";
export {
  type InboundWebhook,
  type ParsedWebhook,
  parseWebhook,
  type RawParams,
  type StatusWebhook,
  type UnsupportedWebhook,
  type WebhookChannel,
} from "./webhook.ts";

/**
 * Twilio Programmable Messaging, over `fetch` or through the official client.
 *
 * All requests of Twilio arrive at the one `webhookUrl`. Set it, with POST, for each number or Messaging Service, as
 * the webhook and as the fallback, best with retry overrides (`#rc=5&rp=all`). Status callbacks need no setting.
 *
 * A webhook of a subaccount is accepted where one of the auth tokens signed it. Where several accounts share one
 * service, `account` finds the credentials by the sender: `twilio({ webhookUrl, account })`.
 *
 * @throws OwnlineError `invalid_options`, with every mistake by its option's name.
 * @see https://www.twilio.com/docs/messaging/api/message-resource
 *
 * @example
 * ```ts
 * import { twilio } from "ownline/transport/twilio";
 *
 * const transport = twilio({
 *   accountSid: process.env.TWILIO_ACCOUNT_SID,
 *   authToken: process.env.TWILIO_AUTH_TOKEN,
 *   webhookUrl: "https://example.com/api/webhooks/sms#rc=5&rp=all",
 * });
 * ```
 */
export function twilio(options: TwilioOptions): Transport {
  const given: unknown = options;
  if (typeof given !== "object" || given === null) {
    throw mistakesError("twilio() cannot start", ["options: give an object of options"]);
  }
  const { webhookUrl, ...calls } = options.account === undefined ? single(options) : tenants(options);

  return {
    name: "twilio",
    // https://www.twilio.com/docs/messaging/api/message-resource#create-a-message-resource
    capabilities: {
      maxBodyLength: 1600,
      maxMedia: 10,
      statusCallbacks: true,
      autoReply: true,
      lists: true,
      ...(options.account !== undefined && { accounts: true }),
    },
    ...calls,

    acknowledge(autoReply) {
      // If the answer were text/plain, Twilio would text the document itself to the person.
      const headers = { "Content-Type": "text/xml; charset=utf-8" };
      return new Response(twimlOf(autoReply, webhookUrl), { headers });
    },

    checkAutoReply: (autoReply) => void twimlOf(autoReply, webhookUrl),
  };
}

/** The calls of the transport that need credentials, for one account. */
function single(
  options: SingleOptions,
): Pick<Transport, "send" | "receive" | "find" | "listInbound" | "senders"> & { readonly webhookUrl: string } {
  const settings = parseOptions(options);
  const { rest, webhookUrl } = settings;
  return {
    webhookUrl,
    async send(request) {
      const outcome = await rest.create(createMessage(request, webhookUrl), request.signal);
      return sendResult(outcome, Date.now());
    },
    receive: (request) => receive(settings, request),
    find: (query) => find(rest, query),
    listInbound: (query) => listInbound(rest, query),
    senders: () => senders(rest, webhookUrl),
  };
}

/** The TwiML that acknowledges a webhook. Throws `invalid_message` where TwiML cannot carry the auto-reply. */
function twimlOf(autoReply: SendRequest | null, webhookUrl: string): string {
  if (autoReply === null) return messagingResponse();
  const { body, media } = autoReply;
  const statusCallback = statusCallbackUrl(webhookUrl, autoReply);
  return messagingResponse([{ body, media: media.map(({ url }) => url), statusCallback }]);
}
