import { mistakesError } from "../../../unknown-fields.ts";
import { apiUrlFault, UNSAFE_HTTP } from "../api-url.ts";
import type { SingleOptions, TwilioAccountOptions, TwilioClientOptions } from "../options.ts";
import { restByClient, restByFetch, TWILIO_API_URL, type TwilioRest } from "../rest.ts";
import { CONSOLE, faultOf, readFlag, readNames, readShared, readTokens } from "./shared.ts";

/** The options, checked and with their defaults. */
export interface TwilioSettings {
  readonly rest: TwilioRest;
  readonly accountSid: string;
  readonly authTokens: readonly string[];
  readonly webhookUrl: string;
  readonly trustForwardedHeaders: boolean;
}

/** The credentials of one account, and how its requests are made. */
const ACCOUNT_ONLY = ["accountSid", "apiKeySid", "apiKeySecret", "apiUrl", UNSAFE_HTTP, "fetch"] as const;
/** Every option of a service with one account. */
export const SINGLE_NAMES: readonly string[] = [
  ...ACCOUNT_ONLY,
  "authToken",
  "webhookUrl",
  "client",
  "trustForwardedHeaders",
  "timeoutMs",
];
/** The options for several accounts. Here they are `undefined`, or a mistake that has its own message. */
const TENANTS_ONLY = ["account", "accounts"];

/**
 * Checks the options of `twilio()` and fills in their defaults.
 *
 * @throws OwnlineError `invalid_options`, with every mistake, each by its option's name and with its remedy.
 */
export function parseOptions(options: SingleOptions): TwilioSettings {
  const mistakes: string[] = [];
  const settle = readOptions(options, mistakes);
  if (mistakes.length > 0) throw mistakesError("twilio() cannot start", mistakes);
  return settle();
}

/** Reads the options, and adds each mistake to the list. Call the returned function only where there is no mistake. */
export function readOptions(options: SingleOptions, mistakes: string[]): () => TwilioSettings {
  readNames(options, [...SINGLE_NAMES, ...TENANTS_ONLY], mistakes);
  if (options.accounts !== undefined) {
    mistakes.push(
      "accounts works only together with account, the function that finds each account: add account, or leave accounts out",
    );
  }
  const authTokens = readTokens(options.authToken, mistakes);
  const { webhookUrl, timeoutMs, trustForwardedHeaders } = readShared(options, mistakes);
  const connect =
    options.client === undefined
      ? readAccount(options, authTokens[0] ?? "", timeoutMs, mistakes)
      : readClient(options, timeoutMs, mistakes);
  return () => {
    const rest = connect();
    return { rest, accountSid: rest.accountSid, authTokens, webhookUrl, trustForwardedHeaders };
  };
}

function readAccount(
  options: TwilioAccountOptions,
  authToken: string,
  timeoutMs: number,
  mistakes: string[],
): () => TwilioRest {
  const { accountSid, apiKeySid, apiKeySecret, apiUrl = TWILIO_API_URL } = options;
  if (typeof accountSid !== "string" || !/^AC\w+$/.test(accountSid)) {
    const key = typeof accountSid === "string" && accountSid.startsWith("SK");
    mistakes.push(
      key
        ? "accountSid is an API key's SID (SK…): pass the account's (AC…), and the key as apiKeySid and apiKeySecret"
        : `accountSid ${accountSid ? "is not an account SID" : faultOf(accountSid)}: pass the one that begins with AC (${CONSOLE})`,
    );
  }
  if (apiKeySid !== undefined && !/^SK\w+$/.test(apiKeySid)) {
    mistakes.push(
      `apiKeySid ${apiKeySid ? "is not an API key" : "is empty"}: pass the SID that begins with SK (${CONSOLE})`,
    );
  }
  if ((apiKeySid === undefined) !== (apiKeySecret === undefined) || apiKeySecret === "") {
    const missing = apiKeySid === undefined ? "apiKeySid" : "apiKeySecret";
    mistakes.push(`${missing} is missing: pass both apiKeySid and apiKeySecret, or leave both out`);
  }
  const allowHttp = readFlag(UNSAFE_HTTP, options.unsafeHttpApiUrl, mistakes);
  const fault = apiUrlFault(apiUrl, { allowHttp });
  if (fault !== undefined) mistakes.push(fault);
  if (options.fetch !== undefined && typeof options.fetch !== "function") mistakes.push("fetch must be a function");
  return () =>
    restByFetch({
      accountSid: accountSid ?? "",
      username: apiKeySid ?? accountSid ?? "",
      password: apiKeySecret ?? authToken,
      apiUrl: apiUrl.replace(/\/+$/, ""),
      timeoutMs,
      fetch: options.fetch,
    });
}

function readClient(options: TwilioClientOptions, timeoutMs: number, mistakes: string[]): () => TwilioRest {
  const { client } = options;
  if (typeof client?.messages?.create !== "function" || !client.accountSid) {
    mistakes.push("client must be a client of the package twilio, with an account SID: twilio(accountSid, authToken)");
  }
  for (const name of ACCOUNT_ONLY) {
    if (options[name] !== undefined)
      mistakes.push(`${name} cannot be given together with client, which has its own: leave one of them out`);
  }
  return () => restByClient(client, timeoutMs);
}
