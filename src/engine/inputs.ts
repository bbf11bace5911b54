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

const MOST_PER_PAGE = 1000;
const LONGEST_KEY = 255;

/** The caller's own id of a text or message: a string that is not empty, nor so long that it cannot be a key. */
export function checkKey(value: unknown, call: string, name: string): string {
  if (typeof value === "string" && value.length > 0 && value.length <= LONGEST_KEY) return value;
  throw new OwnlineError(
    "invalid_message",
    `${call}() needs ${name}: a string of 1 to ${LONGEST_KEY} characters, unique to this text, so that a repeated call does nothing twice`,
  );
}

/** A person's address as a caller gave it; a Messaging Service is not a person. */
export function checkPerson(value: unknown, name: string): string {
  const address = normalizeAddress(value, name);
  if (!isMessagingService(address)) return address;
  throw new OwnlineError("invalid_address", `${name} is a Messaging Service, not a person: give the person's number`);
}

export function checkBody(value: unknown, call: string): string {
  if (typeof value === "string") return value;
  throw new OwnlineError("invalid_message", `${call}() needs body: a string; it may be empty where media are given`);
}

export function checkLimit(value: number | undefined, fallback: number): number {
  const limit = value ?? fallback;
  if (Number.isInteger(limit) && limit >= 1 && limit <= MOST_PER_PAGE) return limit;
  throw new OwnlineError("invalid_options", `limit is a whole number from 1 to ${MOST_PER_PAGE}`);
}

export function checkMessagePage({ conversationId, after, before, limit }: MessagePageInput): MessagePage {
  const most = checkLimit(limit, 100);
  if (after !== undefined && before !== undefined) {
    throw new OwnlineError(
      "invalid_options",
      "messages() goes upwards with after or downwards with before, not both: leave one out",
    );
  }
  for (const [name, position] of [
    ["after", after],
    ["before", before],
  ] as const) {
    if (position !== undefined && !Number.isSafeInteger(position)) {
      throw new OwnlineError("invalid_options", `${name} is a message's seq, a whole number`);
    }
  }
  return before === undefined
    ? { conversationId, limit: most, after: after ?? 0 }
    : { conversationId, limit: most, before };
}
