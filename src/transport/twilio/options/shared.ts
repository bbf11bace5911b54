import { unknownFields } from "../../../unknown-fields.ts";
import type { SingleOptions } from "../options.ts";
import { ATTEMPT_PARAMETER } from "../send.ts";

const DEFAULT_TIMEOUT_MS = 15_000;
const MAX_TIMEOUT_MS = 600_000;
/** Where the operator finds the credentials. */
export const CONSOLE = "Twilio's console, Account, API keys & tokens";

/** The checked options that one account and several accounts share. */
export interface SharedSettings {
  readonly webhookUrl: string;
  readonly timeoutMs: number;
  readonly trustForwardedHeaders: boolean;
}

/**
 * Reads the options that one account and several accounts share. Adds each mistake to the list, with its option's name
 * and its remedy.
 */
export function readShared(
  options: Partial<Readonly<Record<keyof SharedSettings, unknown>>>,
  mistakes: string[],
): SharedSettings {
  return {
    webhookUrl: readWebhookUrl(options.webhookUrl, mistakes),
    timeoutMs: readTimeout(options.timeoutMs, mistakes),
    trustForwardedHeaders: readFlag("trustForwardedHeaders", options.trustForwardedHeaders, mistakes),
  };
}

/** Adds a mistake for each unknown option. */
export function readNames(options: object, known: readonly string[], mistakes: string[], path = ""): void {
  for (const { name, remedy } of unknownFields(options, known)) {
    mistakes.push(`${path}${name} is not an option: ${remedy}`);
  }
}

/** Reads a safety switch, which is off unless it is `true`. */
export function readFlag(name: string, value: unknown = false, mistakes: string[]): boolean {
  if (typeof value !== "boolean") mistakes.push(`${name} must be true or false`);
  return value === true;
}

/** Reads the auth token, or the list of them. */
export function readTokens(authToken: SingleOptions["authToken"], mistakes: string[]): string[] {
  const tokens = Array.isArray(authToken) ? authToken : [authToken];
  if (tokens.length === 0) mistakes.push(`authToken is an empty list: pass the primary auth token (${CONSOLE})`);
  return tokens.map((token: unknown, index) => {
    if (typeof token === "string" && token.trim() === token && token !== "") return token;
    const name = Array.isArray(authToken) ? `authToken[${index}]` : "authToken";
    mistakes.push(`${name} ${faultOf(token)}: pass the account's primary auth token (${CONSOLE})`);
    return "";
  });
}

function readTimeout(timeoutMs: unknown = DEFAULT_TIMEOUT_MS, mistakes: string[]): number {
  if (typeof timeoutMs === "number" && Number.isInteger(timeoutMs) && timeoutMs >= 1 && timeoutMs <= MAX_TIMEOUT_MS) {
    return timeoutMs;
  }
  mistakes.push(`timeoutMs must be a whole number of milliseconds from 1 to ${MAX_TIMEOUT_MS}`);
  return DEFAULT_TIMEOUT_MS;
}

function readWebhookUrl(webhookUrl: unknown, mistakes: string[]): string {
  const remedy = "pass the full public URL of the webhook, for example https://example.com/api/webhooks/sms";
  if (typeof webhookUrl !== "string" || webhookUrl.trim() !== webhookUrl || webhookUrl === "") {
    mistakes.push(`webhookUrl ${faultOf(webhookUrl)}: ${remedy}`);
    return "";
  }
  const url = URL.canParse(webhookUrl) ? new URL(webhookUrl) : undefined;
  if (url === undefined || (url.protocol !== "https:" && url.protocol !== "http:") || url.hostname === "") {
    mistakes.push(`webhookUrl is not an http or https URL: ${remedy}`);
  } else if (url.hostname.includes("_")) {
    mistakes.push(
      "webhookUrl has an underscore in its host name, and Twilio does not call such a host: use another name",
    );
  } else if (url.searchParams.has(ATTEMPT_PARAMETER)) {
    mistakes.push(
      `webhookUrl has ${ATTEMPT_PARAMETER} in its query, which status callbacks need: rename the parameter`,
    );
  }
  return webhookUrl;
}

/** The fault of a value that must be a text without spaces around it. */
export function faultOf(value: unknown): string {
  if (value === undefined || value === null) return "is missing";
  if (value === "") return "is empty";
  return typeof value === "string" ? "has spaces around it" : "is not a text";
}
