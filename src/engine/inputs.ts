import { OwnlineError } from "../errors.ts";
import type { Media } from "../model/message.ts";
import { isMessagingService, normalizeAddress } from "../model/phone-number.ts";
import type { MessagePage } from "../storage/storage.ts";

export interface SimulateInput<From extends string = string> {
  /** Unique to this text, for example the click's id: a repeated one returns the first message and stores nothing. */
  readonly id: string;
  /** The person's number. */
  readonly from: string;
  /** The number of ours that the person is talking to. May be left out when there is only one. */
  readonly to?: From;
  readonly body: string;
  readonly media?: readonly Media[];
}

export interface SendInput<From extends string = string> {
  /** Unique to this message, for example the order's id: a repeated one returns the first message and sends nothing. */
  readonly key: string;
  /** The person's number. */
  readonly to: string;
  /** One of the configured senders. May be left out when there is only one. */
  readonly from?: From;
  readonly body: string;
  readonly media?: readonly Media[];
  /** Who writes: the service, or a person who has taken over. @default "api" */
  readonly origin?: "api" | "operator";
}

export interface MessagePageInput {
  readonly conversationId: string;
  /** Upwards from here, oldest first. @default 0 */
  readonly after?: number;
  /** Downwards from here, newest first. Not together with `after`. */
  readonly before?: number;
  /** @default 100 */
  readonly limit?: number;
}

export interface ChangePageInput {
  readonly conversationId: string;
  /** A `seq` or `changedSeq` that is known already. @default 0 */
  readonly after?: number;
  /** @default 100 */
  readonly limit?: number;
}

const MOST_PER_PAGE = 1000;
const LONGEST_KEY = 255;

/** What a call takes, for callers whose compiler did not look. */
export function checkObject(value: unknown, call: string): void {
  if (typeof value === "object" && value !== null) return;
  throw new OwnlineError("invalid_options", `${call}() takes an object: see its type for what stands in it`);
}

/** An id that ownline itself gave. */
export function checkId(value: unknown, call: string, name: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw new OwnlineError("invalid_options", `${call}() needs ${name}: the id, a string`);
}

/** Milliseconds of a duration. */
export function checkDuration(value: unknown, call: string, name: string): number {
  if (typeof value === "number" && Number.isFinite(value) && value >= 0) return value;
  throw new OwnlineError("invalid_options", `${call}() needs ${name}: a number of milliseconds, 0 or more`);
}

/** The caller's own id of a text or message: a string that is not empty, nor so long that it cannot be a key. */
export function checkKey(value: unknown, call: string, name: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= LONGEST_KEY) return value;
  throw new OwnlineError(
    "invalid_message",
    `${call}() needs ${name}: a string of 1 to ${LONGEST_KEY} characters, unique to this text, so that a repeated call does nothing twice`,
  );
}

/** A person's address as a caller gave it; a Messaging Service is not a person, and a short code is a machine. */
export function checkPerson(value: unknown, name: string): string {
  const address = normalizeAddress(value, name);
  if (isMessagingService(address)) {
    throw new OwnlineError("invalid_address", `${name} is a Messaging Service, not a person: give the person's number`);
  }
  if (/^\d+$/.test(address)) {
    throw new OwnlineError(
      "invalid_address",
      `${name} is a short code or lacks its country code, and a carrier delivers to neither (Twilio 21265, 21211): write the person's number in E.164, for example +15703251809`,
    );
  }
  return address;
}

export function checkBody(value: unknown, call: string): string {
  if (typeof value === "string") return value;
  throw new OwnlineError("invalid_message", `${call}() needs body: a string; it may be empty where media are given`);
}

/** The carrier fetches what we send, so it must be there for all the world; what a person sent may be anywhere. */
export function checkMedia(value: unknown, call: "simulate" | "send"): readonly Media[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw badMedia(call, "media is a list");
  return value.map((item: unknown) => {
    const { url, contentType } =
      typeof item === "object" && item !== null ? { url: null, contentType: null, ...item } : {};
    if (typeof url !== "string" || typeof contentType !== "string") {
      throw badMedia(call, "each of media needs a url and a contentType (empty where unknown)");
    }
    if (call === "send" && !(/^https?:/i.test(url) && URL.canParse(url))) {
      throw badMedia(call, "the carrier fetches media itself, so each url is a full http(s) address");
    }
    return { url, contentType };
  });
}

export function checkOrigin(value: unknown): "api" | "operator" {
  if (value === undefined) return "api";
  if (value === "api" || value === "operator") return value;
  throw new OwnlineError("invalid_message", 'origin is "api" or "operator": leave it out where the service writes');
}

/** Where the reader of a feed is. */
export function checkPosition(value: unknown, name: string): number {
  if (typeof value === "number" && Number.isSafeInteger(value)) return value;
  throw new OwnlineError("invalid_options", `${name} is a message's seq, a whole number`);
}

function badMedia(call: string, what: string): OwnlineError {
  return new OwnlineError("invalid_message", `${call}(): ${what}`);
}

export function checkLimit(value: number | undefined, fallback: number): number {
  const limit = value ?? fallback;
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_PER_PAGE) return limit;
  throw new OwnlineError("invalid_options", `limit is a whole number from 1 to ${MOST_PER_PAGE}`);
}

export function checkMessagePage(page: MessagePageInput): MessagePage {
  checkObject(page, "messages");
  const { after, before, limit } = page;
  const conversationId = checkId(page.conversationId, "messages", "conversationId");
  const most = checkLimit(limit, 100);
  if (after !== undefined && before !== undefined) {
    throw new OwnlineError(
      "invalid_options",
      "messages() goes upwards with after or downwards with before, not both: leave one out",
    );
  }
  return before === undefined
    ? { conversationId, limit: most, after: after === undefined ? 0 : checkPosition(after, "after") }
    : { conversationId, limit: most, before: checkPosition(before, "before") };
}
