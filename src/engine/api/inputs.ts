import * as z from "zod/mini";
import {
  anyText,
  anything,
  checked,
  type Fields,
  type Handed,
  lazily,
  listOf,
  methods,
  milliseconds,
  object,
  oneOf,
  optional,
  type Schema,
  textThat,
  trueOrFalse,
  whole,
} from "../../check.ts";
import { isOwnlineError, OwnlineError, type OwnlineErrorCode } from "../../errors.ts";
import type { Media } from "../../model/message.ts";
import { isMessagingService, normalizeAddress } from "../../model/phone-number.ts";
import type { ConversationPage, MessagePage } from "../../storage/storage.ts";
import type { WaitUntil } from "../worker/wake-ups.ts";
import type { FeedOptions } from "./feed.ts";

export interface SimulateInput<From extends string = string> {
  /** Unique to this text, for example the click's id. A repeated `id` returns the first message and stores nothing. */
  readonly id: string;
  /** The person's number. */
  readonly from: string;
  /** The sender that the person writes to. May be left out where `senders` has only one. */
  readonly to?: From;
  readonly body: string;
  readonly media?: readonly Media[];
}

export interface SendInput<From extends string = string> {
  /**
   * Unique to this message, for example the order's id. A call with a repeated `key` returns the first message and
   * sends nothing. The same key with another `to`, `from`, `body` or number of `media` throws `key_reused`.
   */
  readonly key: string;
  /** The person's number. */
  readonly to: string;
  /** One of the configured senders. May be left out where `senders` has only one. */
  readonly from?: From;
  readonly body: string;
  readonly media?: readonly Media[];
  /** Who writes: the service (`api`), or an operator who has taken over. @default "api" */
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
  /** A `seq` or `changedSeq` that the caller has already seen. @default 0 */
  readonly after?: number;
  /** @default 100 */
  readonly limit?: number;
}

const MOST_PER_PAGE = 1000;
const LONGEST_KEY = 255;
const OBJECT = "give an object with the fields of its type";
/** A control character, or half of a surrogate pair: some databases cannot store these. */
const UNKEEPABLE = /[\p{Control}\p{Surrogate}]/u;

const CODES: Readonly<Record<string, OwnlineErrorCode>> = {
  from: "invalid_address",
  to: "invalid_address",
  id: "invalid_message",
  key: "invalid_message",
  body: "invalid_message",
  media: "invalid_message",
  origin: "invalid_message",
};

/** {@link SimulateInput} and {@link SendInput} after the check: addresses are normalized, and media are a list. */
type Checked<Input> = Omit<Input, "media"> & { readonly media: readonly Media[] };

const key = lazily(() =>
  keepable(
    `give a string of 1 to ${LONGEST_KEY} characters without control characters, unique to this text, so that a repeated call stores nothing`,
  ),
);
const id = lazily(() => keepable("give the id, a string that ownline gave"));
const position = lazily(() =>
  whole(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, "give a message's seq, a whole number"),
);
const pageSize = lazily(() => whole(1, MOST_PER_PAGE, `give a whole number from 1 to ${MOST_PER_PAGE}`));
const body = lazily(() => anyText("give a string; it may be empty where media are given"));

const simulate = lazily(() =>
  object<SimulateInput>(
    {
      id: key(),
      from: addressField("from", person),
      to: optional(addressField("to", normalizeAddress)),
      body: body(),
      media: mediaOf(() => true, "give a url and a contentType, which is empty where it is not known"),
    },
    OBJECT,
  ),
);
const send = lazily(() =>
  object<SendInput>(
    {
      key: key(),
      to: addressField("to", person),
      from: optional(addressField("from", normalizeAddress)),
      body: body(),
      media: mediaOf(
        (url) => /^https?:/i.test(url) && URL.canParse(url),
        "give a full http(s) address: the provider fetches media itself",
      ),
      origin: optional(oneOf("api", "operator")),
    },
    OBJECT,
  ),
);
const conversationPage = lazily(() =>
  object<Partial<ConversationPage>>({ limit: optional(pageSize()), after: optional(id()) }, OBJECT),
);
const messagePage = lazily(() =>
  object<MessagePageInput>(
    { conversationId: id(), after: optional(position()), before: optional(position()), limit: optional(pageSize()) },
    OBJECT,
    {
      between: ["before", "after"],
      holds: ({ before, after }) => before !== undefined && after !== undefined,
      remedy: "messages() goes upwards with after or downwards with before, not both: leave one out",
    },
  ),
);
const changePage = lazily(() =>
  object<ChangePageInput>({ conversationId: id(), after: optional(position()), limit: optional(pageSize()) }, OBJECT),
);
const feed = lazily(() =>
  object<FeedOptions>(
    {
      conversationId: id(),
      after: optional(position()),
      signal: optional(methods<AbortSignal>(["addEventListener"], "give the signal of an AbortController")),
    },
    OBJECT,
  ),
);
const retention = lazily(() =>
  object<RetentionInput>({ olderThanMs: milliseconds(0), limit: optional(pageSize()) }, OBJECT),
);
const resumption = lazily(() => optional(object<ResumeInput>({ answerUnanswered: optional(trueOrFalse()) }, OBJECT)));
const ending = lazily(() => optional(object<StopInput>({ timeoutMs: optional(milliseconds(0)) }, OBJECT)));
const erasure = lazily(() =>
  object<{ participant: unknown; line?: unknown }>({ participant: anything(), line: optional(anything()) }, OBJECT),
);
const context = lazily(() =>
  optional(methods<WaitUntil>(["waitUntil"], "give the runtime's context, which has waitUntil, or leave it out")),
);
const decision = lazily(() => oneOf("sent", "resend", "drop"));

export interface RetentionInput {
  readonly olderThanMs: number;
  readonly limit?: number;
}
export interface ResumeInput {
  readonly answerUnanswered?: boolean;
}
export interface StopInput {
  readonly timeoutMs?: number;
}

/** @throws OwnlineError `invalid_message`, `invalid_address` or `invalid_options`, for the first mistake */
export function checkedSimulate(input: unknown): Checked<SimulateInput> {
  const given = checked(
    simulate,
    input,
    handedTo("simulate", (field) => CODES[field] ?? "invalid_options"),
  );
  return { ...given, media: given.media ?? [] };
}

/** @throws OwnlineError `invalid_message`, `invalid_address` or `invalid_options`, for the first mistake */
export function checkedSend(input: unknown): Checked<SendInput> {
  const given = checked(
    send,
    input,
    handedTo("send", (field) => CODES[field] ?? "invalid_options"),
  );
  return { ...given, media: given.media ?? [] };
}

/** Checks the runtime's context that a call was given. */
export function checkContext(ctx: unknown, call: string): void {
  checked(context, ctx, { ...handedTo(call), name: "ctx" });
}

/** Checks an id that ownline gave. */
export function checkedId(value: unknown, call: string, name: string): string {
  return checked(id, value, { ...handedTo(call), name });
}

export function checkedDecision(value: unknown): "sent" | "resend" | "drop" {
  return checked(decision, value, { ...handedTo("resolve"), name: "decision" });
}

export function checkedResume(input: unknown): ResumeInput {
  return checked(resumption, input, handedTo("resume")) ?? {};
}

export function checkedStop(input: unknown): StopInput {
  return checked(ending, input, handedTo("stop")) ?? {};
}

export function checkedFeed(input: unknown): FeedOptions {
  return checked(feed, input, handedTo("events"));
}

/** Checks only the fields. `eraseOrder` checks the addresses, which need not be numbers. */
export function checkErasure(input: unknown): void {
  checked(erasure, input, handedTo("erase"));
}

export function checkedRetention(input: unknown): Required<RetentionInput> {
  return { limit: MOST_PER_PAGE, ...given(checked(retention, input, handedTo("purge"))) };
}

export function checkedConversationPage(input: unknown): ConversationPage {
  return { limit: 50, ...given(checked(conversationPage, input, handedTo("conversations"))) };
}

export function checkedChangePage(input: unknown): Required<ChangePageInput> {
  return { after: 0, limit: 100, ...given(checked(changePage, input, handedTo("changes"))) };
}

export function checkedMessagePage(input: unknown): MessagePage {
  const { conversationId, after, before, limit = 100 } = checked(messagePage, input, handedTo("messages"));
  return before === undefined ? { conversationId, limit, after: after ?? 0 } : { conversationId, limit, before };
}

/** Normalizes a person's address. Refuses a Messaging Service and a short code: a person has neither. */
function person(value: unknown, name: string): string {
  const address = normalizeAddress(value, name);
  if (isMessagingService(address)) {
    throw new OwnlineError("invalid_address", `${name} is a Messaging Service, not a person: give the person's number`);
  }
  if (/^\d+$/.test(address)) {
    throw new OwnlineError(
      "invalid_address",
      `${name} is a short code or lacks its country code, and a provider cannot deliver to it (Twilio 21265, 21211): write the person's number in E.164, for example +15703251809`,
    );
  }
  return address;
}

function handedTo(call: string, codeOf?: Handed["codeOf"]): Handed {
  return { refusal: `${call}() refuses its input`, name: "", kind: "a field", ...(codeOf ? { codeOf } : {}) };
}

function keepable(remedy: string): Schema<string> {
  return textThat((value) => value !== "" && value.length <= LONGEST_KEY && !UNKEEPABLE.test(value), remedy);
}

/** A field with an address, which `read` normalizes. An error of `read` becomes the field's error. */
function addressField(name: string, read: (value: unknown, name: string) => string): Schema<string> {
  const reading = z.transform((value: unknown, { issues }) => {
    try {
      return read(value, name);
    } catch (error) {
      if (!isOwnlineError(error)) throw error;
      issues.push({ code: "custom", message: error.message, params: { isSentence: true }, input: undefined });
      return "";
    }
  });
  return z.pipe(reading, z.custom<string>());
}

/**
 * The media of a message. `send()` needs public URLs, because the provider fetches them. A person's media may be
 * private.
 */
function mediaOf(isUrl: (url: string) => boolean, remedy: string): Fields<SendInput>["media"] {
  const fields: Fields<Media> = {
    url: textThat(isUrl, remedy),
    contentType: anyText("give the type, a string that is empty where it is not known"),
  };
  const list = z.nullable(listOf(object<Media>(fields, remedy), "give a list of media, each { url, contentType }"));
  return z.optional(
    z.pipe(
      list,
      z.transform((media) => media ?? []),
    ),
  );
}

/** Leaves out the fields whose value is `undefined`. */
function given<Input extends object>(input: Input): { [Key in keyof Input]: Exclude<Input[Key], undefined> };
function given(input: object): object {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
}
