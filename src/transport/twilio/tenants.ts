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

/** What the transport does for several accounts: everything that needs credentials, each by the address of ours. */
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
 * The account is that of the number of ours, never the one that the request names. So a tenant who knows the token of
 * one account can speak for the numbers of that account only.
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
      // A service that no account has does not count as a line of ours.
      service = owner === undefined ? null : named;
    } catch (error) {
      return notNow(reasonOf(error));
    }
  }
  if (received.kind === "inbound") {
    if (received.text.to !== address) return otherAccount();
    return { kind: "inbound", text: { ...received.text, service } };
  }
  return { kind: "status", callback: { ...received.callback, sender: { from: address, service } } };
}

/** The number of ours that a request is about, else the Messaging Service; `null` where it names neither. */
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
    "account of twilio() knows no account for this sender: let it return the credentials of the account that owns the number",
  );
}

function noAddress(): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 400,
    reason: "It names no number and no Messaging Service.",
    log: "a webhook was refused, since it names neither a number nor a Messaging Service by which its account is found: it is not from Twilio's Programmable Messaging",
  };
}

function notOurs(): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 403,
    reason: "Its number is not known here.",
    log: "a webhook was refused, since account of twilio() knows no account for its number: if the number is a tenant's, let account return its credentials",
  };
}

function otherAccount(): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 403,
    reason: "Its account does not own the number or the Messaging Service.",
    log: "a webhook was refused, since it names another account than the one that owns its number or its Messaging Service: correct what account of twilio() returns for it, if the request is genuine",
  };
}

/** A provider repeats it: a tenant's text must not be lost because a database is away. */
function notNow(why: string): WebhookRejection {
  return {
    kind: "rejected",
    httpStatus: 503,
    reason: "The account cannot be looked up now; bring it again.",
    log: `a webhook was answered 503, since its account could not be looked up: ${why}`,
  };
}
