import { OwnlineError } from "../../errors.ts";
import { reasonOf } from "../../thrown.ts";
import type { ReceivedWebhook, SendResult, Transport, WebhookRejection, WebhookRequest } from "../transport.ts";
import { type Account, type Accounts, createAccounts } from "./accounts.ts";
import { find, listInbound, senders } from "./list.ts";
import { parseTenantOptions } from "./options/tenants.ts";
import type { TwilioTenantOptions } from "./options.ts";
import { type Claimed, receive } from "./receive.ts";
import { createMessage, sendResult } from "./send.ts";
import { parseWebhook } from "./webhook.ts";

/** The calls of the transport for several accounts. Each call finds its credentials by the sender's address. */
export function tenants(
  options: TwilioTenantOptions,
): Pick<Transport, "send" | "receive" | "find" | "listInbound" | "senders"> & { readonly webhookUrl: string } {
  const settings = parseTenantOptions(options);
  const { webhookUrl } = settings;
  const accounts = createAccounts(settings.resolver, settings.accountOf, settings.cache);

  const accountOf = async (address: string): Promise<Account> => {
    const account = await accounts.find(address);
    if (account === undefined) throw unavailableAccount();
    return account;
  };

  return {
    webhookUrl,

    async send(request) {
      let account: Account | undefined;
      try {
        account = (await accounts.find(request.from)) ?? (await accounts.find(request.line));
      } catch (error) {
        return refused("retry-later", reasonOf(error));
      }
      if (account === undefined) return refused("configuration", unavailableAccount().message);
      const outcome = await account.rest.create(createMessage(request, webhookUrl), request.signal);
      return sendResult(outcome, Date.now());
    },

    receive: (request) => receiveFor(accounts, settings, request),
    find: async (query) => find((await accountOf(query.from)).rest, query),
    listInbound: async (query) => listInbound((await accountOf(query.to)).rest, query),
    senders: async (address = "") => senders((await accountOf(address)).rest, webhookUrl),
  };
}

function refused(refusal: "retry-later" | "configuration", reason: string): SendResult {
  return { kind: "refused", refusal, wholeAccount: false, retryAfterMs: null, error: { code: null, reason } };
}

/**
 * Receives a webhook. The account is the one that owns the sender, not the one that the request names. So a tenant who
 * knows the token of one account can send webhooks only for the numbers of that account.
 */
async function receiveFor(
  accounts: Accounts,
  settings: { readonly webhookUrl: string; readonly trustForwardedHeaders: boolean },
  request: WebhookRequest,
): Promise<ReceivedWebhook> {
  let signer: Account | undefined;
  let address = "";
  let named: string | null = null;
  const claim = async (params: URLSearchParams): Promise<Claimed | WebhookRejection> => {
    const ours = ownAddress(params);
    if (ours === null) return noAddress();
    address = ours;
    named = params.get("MessagingServiceSid");
    try {
      signer = await accounts.find(ours, { unverified: true });
    } catch (error) {
      return notNow(reasonOf(error));
    }
    const account = params.get("AccountSid") || null;
    if (signer === undefined) return notOurs();
    if (account !== null && account !== signer.accountSid) return otherAccount();
    return signer;
  };
  const received = await receive({ ...settings, claim }, request);
  if (signer === undefined || received.kind === "rejected" || received.kind === "ignored") return received;
  let service: string | null = null;
  if (named !== null && named !== "") {
    try {
      const owner = named === address ? signer : await accounts.find(named);
      if (owner !== undefined && owner.accountSid !== signer.accountSid) return otherAccount();
      // A Messaging Service that belongs to no account is not a line of this service.
      service = owner === undefined ? null : named;
    } catch (error) {
      return notNow(reasonOf(error));
    }
  }
  if (received.kind === "inbound") {
    if (received.message.to !== address) return otherAccount();
    return { kind: "inbound", message: { ...received.message, service } };
  }
  return { kind: "status", callback: { ...received.callback, sender: { from: address, service } } };
}

/**
 * The sender that a request is about, else the Messaging Service; `null` where the request names no sender and no
 * service.
 */
function ownAddress(params: URLSearchParams): string | null {
  const webhook = parseWebhook(params);
  switch (webhook.kind) {
    case "inbound":
      return webhook.to;
    case "status":
      if (webhook.status === "received" || webhook.status === "receiving") return webhook.to ?? null;
      return webhook.from ?? webhook.messagingServiceSid ?? null;
    case "unsupported":
      return params.get("To") || params.get("From") || params.get("MessagingServiceSid") || null;
    default:
      return webhook satisfies never;
  }
}

function unavailableAccount(): OwnlineError {
  return new OwnlineError(
    "transport_rejected",
    "the function account of twilio() knows no account for this sender: let it return the credentials of the account that owns the number",
  );
}

function noAddress(): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 400,
    reason: "It names no number and no Messaging Service.",
    log: "a webhook was refused, because it names no number and no Messaging Service, so its account cannot be found: it is not from Twilio's Programmable Messaging",
  };
}

function notOurs(): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 403,
    reason: "Its number is not known here.",
    log: "a webhook was refused, because the function account of twilio() knows no account for its number: if the number is a tenant's, let account return its credentials",
  };
}

function otherAccount(): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 403,
    reason: "Its account does not own the number or the Messaging Service.",
    log: "a webhook was refused, because it names another account than the one that owns its number or its Messaging Service: if the request is genuine, correct what the function account of twilio() returns for it",
  };
}

/** Twilio repeats a webhook after a 503. So a tenant's text is not lost while a database is unavailable. */
function notNow(why: string): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 503,
    reason: "The account cannot be looked up now; send the webhook again.",
    log: `a webhook was answered 503, because its account could not be looked up: ${why}`,
  };
}
