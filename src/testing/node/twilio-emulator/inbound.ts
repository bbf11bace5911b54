import { OwnlineError } from "../../../errors.ts";
import type { Caller, CallResponse } from "./caller.ts";
import type { EmulatedOutcome } from "./delivery.ts";
import type { FaultPlan } from "./faults.ts";
import type { EmulatedMessage, EmulatedNumber, EmulatedService, Ledger } from "./ledger.ts";
import { refusedSender } from "./refusals.ts";
import { readAnswer, type TwimlMessage } from "./twiml-reader.ts";

/** A text from a person. */
export interface EmulatedText {
  /** The person's number. */
  readonly from: string;
  /** One of the account's numbers. */
  readonly to: string;
  readonly body: string;
  readonly media?: readonly { readonly url: string; readonly contentType: string }[];
  /** Further parameters of the webhook, for example `{ ProfileName: "Ada" }`. */
  readonly params?: Readonly<Record<string, string>>;
}

/** The result of a person's text. */
export interface EmulatedTextResult {
  readonly sid: string;
  /** The application's answer to the webhook; `null` where the webhook was not called, or no answer came. */
  readonly response: CallResponse | null;
  /** The texts that went back at once: the application's TwiML, and Twilio's own answer to STOP, START and HELP. */
  readonly replies: readonly EmulatedMessage[];
}

export interface InboundOptions {
  readonly ledger: Ledger;
  readonly faults: FaultPlan;
  readonly call: Caller;
  /** Starts the statuses of a reply that is in the emulator's ledger. The outcome is given where it is certain. */
  readonly dispatch: (message: EmulatedMessage, outcome?: EmulatedOutcome) => void;
}

/** The person's side of the emulated network. */
export interface Inbound {
  text(text: EmulatedText): Promise<EmulatedTextResult>;
  /** Posts the webhook of a text again, as Twilio does when it is not sure of the first one. */
  redeliver(sid: string): Promise<CallResponse | null>;
}

type OptOutType = "STOP" | "START" | "HELP";

// The default words of long codes, https://www.twilio.com/docs/messaging/tutorials/advanced-opt-out
const WORDS: Readonly<Record<string, OptOutType>> = {
  ...Object.fromEntries(
    ["STOP", "UNSUBSCRIBE", "END", "QUIT", "STOPALL", "REVOKE", "OPTOUT", "CANCEL"].map((word) => [word, "STOP"]),
  ),
  ...Object.fromEntries(["START", "UNSTOP", "YES"].map((word) => [word, "START"])),
  ...Object.fromEntries(["HELP", "INFO"].map((word) => [word, "HELP"])),
};
const ANSWERS: Readonly<Record<OptOutType, string>> = {
  STOP: "You will get no more texts from this number. Text START to get them again.",
  START: "You will get texts from this number again. Text STOP to end them.",
  HELP: "Text STOP to get no more texts from this number.",
};
const MAX_REDIRECTS = 5;

export function createInbound({ ledger, faults, call, dispatch }: InboundOptions): Inbound {
  const posted = new Map<string, Readonly<Record<string, string>>>();

  /** Twilio handles the words by itself, and then calls the webhook too. */
  function handleWords(text: EmulatedText, number: EmulatedNumber): { type?: OptOutType; replies: EmulatedMessage[] } {
    const type = WORDS[text.body.trim().toUpperCase()];
    if (type === undefined || (number.optOut ?? "default") === "off") return { replies: [] };
    const wasOut = ledger.isOptedOut(text.to, text.from);
    if (type !== "HELP") ledger.setOptedOut(text.to, text.from, type === "STOP");
    // A YES of a person who has not opted out is an ordinary text.
    if ((type === "START" && !wasOut) || (type === "STOP" && wasOut)) return { replies: [] };
    return { type, replies: [addReply(text.to, text.from, { body: ANSWERS[type], mediaUrls: [] })] };
  }

  function addReply(
    from: string,
    to: string,
    { body, mediaUrls, statusCallback }: TwimlMessage,
    outcome?: EmulatedOutcome,
  ): EmulatedMessage {
    const message = ledger.add({
      direction: "outbound-reply",
      from,
      to,
      body,
      mediaUrls,
      status: "queued",
      messagingServiceSid: ledger.serviceOf(from)?.sid ?? null,
      statusCallback: statusCallback ?? null,
    });
    dispatch(message, outcome);
    return message;
  }

  function addReplies(
    text: Pick<EmulatedText, "from" | "to">,
    sid: string,
    answers: readonly TwimlMessage[],
  ): EmulatedMessage[] {
    return answers.flatMap((answer) => {
      const from = answer.from ?? text.to;
      const refused = refusedSender(ledger, from, answer.mediaUrls.length > 0, new Set());
      if (refused !== undefined) {
        ledger.alert(refused.code, refused.message, sid);
        return [];
      }
      const to = answer.to ?? text.from;
      const blocked = ledger.isOptedOut(from, to) ? ({ status: "failed", errorCode: 21610 } as const) : undefined;
      return [addReply(from, to, answer, blocked)];
    });
  }

  /** Calls one URL, follows its redirects, and records what is wrong with the answer. */
  async function ask(
    url: string,
    method: "POST" | "GET",
    params: Readonly<Record<string, string>>,
    sid: string,
  ): Promise<{ response: CallResponse | null; failed: boolean; messages: TwimlMessage[] }> {
    const messages: TwimlMessage[] = [];
    let next: string | undefined = url;
    let response: CallResponse | null = null;
    for (let left = MAX_REDIRECTS; next !== undefined && left > 0; left--) {
      const result = await call(next, method, params);
      response = result.response;
      if (response === null || response.status >= 400) {
        const reason =
          response === null ? `was not answered: ${result.failure}` : `was answered with HTTP ${response.status}`;
        ledger.alert(11200, `the webhook ${reason}`, sid);
        return { response, failed: true, messages };
      }
      const answer = readAnswer(response.contentType, response.body);
      for (const { code, reason } of answer.faults) ledger.alert(code, reason, sid);
      messages.push(...answer.messages);
      next = answer.redirect === undefined ? undefined : new URL(answer.redirect, next).href;
    }
    return { response, failed: false, messages };
  }

  async function deliver(
    { url, method, fallback }: Target,
    params: Readonly<Record<string, string>>,
    sid: string,
  ): Promise<{ response: CallResponse | null; messages: TwimlMessage[] }> {
    const first = await ask(url, method, params, sid);
    if (!first.failed || fallback === undefined) return first;
    return ask(fallback, method, { ...params, ErrorCode: "11200", ErrorUrl: url.split("#", 1)[0] ?? "" }, sid);
  }

  function targetOf(phoneNumber: string): Target | undefined {
    const number = ledger.numbers.get(phoneNumber);
    const url = ledger.serviceOf(phoneNumber)?.smsUrl ?? number?.smsUrl;
    if (url === undefined || url === "") return undefined;
    return { url, method: number?.smsMethod ?? "POST", fallback: number?.smsFallbackUrl };
  }

  return {
    async text(text) {
      const number = ledger.numbers.get(text.to);
      if (number === undefined) {
        const owned = [...ledger.numbers.keys()].join(", ");
        throw new OwnlineError(
          "invalid_address",
          `A text must go to one of the emulator's numbers: ${owned || "it has none"}.`,
        );
      }
      const media = text.media ?? [];
      const service = ledger.serviceOf(text.to);
      const message = ledger.add({
        direction: "inbound",
        from: text.from,
        to: text.to,
        body: text.body,
        mediaUrls: media.map(({ url }) => url),
        mediaTypes: media.map(({ contentType }) => contentType),
        status: "received",
        messagingServiceSid: service?.sid ?? null,
      });
      const { sid } = message;
      const { type, replies } = handleWords(text, number);
      const advanced = number.optOut === "advanced" && type !== undefined ? { OptOutType: type } : {};
      const params = { ...webhookParams(ledger, message, media, service), ...advanced, ...text.params };
      posted.set(sid, params);

      const subject = { from: text.from, to: text.to, body: text.body };
      const target = targetOf(text.to);
      const fault = target === undefined ? undefined : faults.take(subject, "lose-webhook", "duplicate-webhook");
      if (target === undefined || fault?.kind === "lose-webhook") return { sid, response: null, replies };
      const answer = await deliver(target, params, sid);
      // Twilio has its answer by then, so it ignores the answer to the second request.
      if (fault?.kind === "duplicate-webhook") await deliver(target, params, sid);
      return { sid, response: answer.response, replies: [...replies, ...addReplies(text, sid, answer.messages)] };
    },

    async redeliver(sid) {
      const params = posted.get(sid);
      const target = params === undefined ? undefined : targetOf(params.To ?? "");
      if (params === undefined || target === undefined) {
        throw new OwnlineError("not_found", "The emulator knows no text with this sid whose number has an smsUrl.");
      }
      return (await deliver(target, params, sid)).response;
    },
  };
}

interface Target {
  readonly url: string;
  readonly method: "POST" | "GET";
  readonly fallback: string | undefined;
}

/** @see https://www.twilio.com/docs/messaging/guides/webhook-request */
function webhookParams(
  ledger: Ledger,
  message: EmulatedMessage,
  media: readonly { readonly url: string; readonly contentType: string }[],
  service: EmulatedService | undefined,
): Record<string, string> {
  const { sid } = message;
  return {
    ToCountry: "US",
    FromCountry: "US",
    SmsMessageSid: sid,
    NumMedia: String(media.length),
    SmsSid: sid,
    SmsStatus: "received",
    Body: message.body,
    To: message.to,
    ...(service === undefined ? {} : { MessagingServiceSid: service.sid }),
    NumSegments: "1",
    MessageSid: sid,
    AccountSid: ledger.accountSid,
    From: message.from ?? "",
    ApiVersion: "2010-04-01",
    ...Object.fromEntries(
      media.flatMap(({ url, contentType }, index) => [
        [`MediaUrl${index}`, url],
        [`MediaContentType${index}`, contentType],
      ]),
    ),
  };
}
