/** The fault of a webhook's ids, and what to change. */
export interface SidFault {
  /** The fault as a clause: "its MessageSid is …". It quotes nothing of the request. */
  readonly reason: string;
  /** Who must do what, as a sentence. */
  readonly remedy: string;
}

const MESSAGE_NAMES = ["MessageSid", "SmsSid", "SmsMessageSid"] as const;
// Digits in both cases: ids that differ only in case are different ids
// (https://www.twilio.com/docs/glossary/what-is-a-sid). Twilio's ids have 32 digits.
const MESSAGE = /^(?:SM|MM)[0-9a-fA-F]{32}$/;
// Tests and emulators use shorter ids. In a form with a `To`, a shorter id cannot come from a request whose parameters
// were split in other places. The rest of the id would begin the next name, with a hexadecimal digit. ownline signs
// names in code-unit order (signature.ts). A name that begins with a digit or with A-F comes before MessageSid, so it
// cannot follow the id. A name that begins with a-f comes after To. To would then be part of that name, or of its
// value, and the form would have no To of its own.
const SHORT_MESSAGE = /^(?:SM|MM)[0-9a-fA-F]{1,32}$/;
const ACCOUNT = /^AC[0-9a-fA-F]{32}$/;
const SERVICE = /^MG[0-9a-fA-F]{32}$/;

const NOT_TWILIO =
  "Twilio sends no such request. Providers that imitate Twilio's API are not supported; a test has to use ids of Twilio's form. " +
  "If no such provider and no test sent it, a recorded request came with its parameters split in other places: keep the X-Twilio-Signature header out of logs, and replace the auth token.";

/**
 * Checks the ids of a form. Twilio signs names and values without a separator. So the signature of a recorded request
 * stays valid where its parameters are split in other places. Where such a split gives another id, the id has another
 * form, or the three ids differ. The exception is a message whose text contains the names of parameters.
 *
 * Every value of a repeated name is checked. `undefined` where the ids are right.
 *
 * @see https://www.twilio.com/docs/usage/security
 */
export function sidFault(all: ReadonlyMap<string, readonly string[]>): SidFault | undefined {
  const valuesOf = (name: string): readonly string[] => all.get(name)?.filter((value) => value !== "") ?? [];
  const messageSids = MESSAGE_NAMES.flatMap(valuesOf);
  if (messageSids.some((sid) => sid.startsWith("IM")) || valuesOf("ConversationSid").length > 0) {
    return {
      reason: "it is a webhook of Twilio Conversations (ids that begin with IM or CH), which is another product",
      remedy:
        "In Twilio's console, take this URL out of the Conversations service's webhooks, and set it as the webhook of the number or the Messaging Service.",
    };
  }
  if (new Set(messageSids).size > 1) {
    return { reason: "its MessageSid, SmsSid and SmsMessageSid are not the same id", remedy: NOT_TWILIO };
  }
  const hasTo = valuesOf("To").length > 0;
  if (messageSids.some((sid) => !(hasTo ? SHORT_MESSAGE : MESSAGE).test(sid))) {
    const digits = hasTo
      ? "up to 32 hexadecimal digits"
      : "32 hexadecimal digits (fewer are accepted only beside a To)";
    return { reason: `its MessageSid is not SM or MM and ${digits}`, remedy: NOT_TWILIO };
  }
  const accountSids = valuesOf("AccountSid");
  if (new Set(accountSids).size > 1 || accountSids.some((sid) => !ACCOUNT.test(sid))) {
    return { reason: "its AccountSid is not AC and 32 hexadecimal digits", remedy: NOT_TWILIO };
  }
  const serviceSids = valuesOf("MessagingServiceSid");
  if (new Set(serviceSids).size > 1 || serviceSids.some((sid) => !SERVICE.test(sid))) {
    return { reason: "its MessagingServiceSid is not MG and 32 hexadecimal digits", remedy: NOT_TWILIO };
  }
  return undefined;
}

/** The fault of a person's message without an account. Only a status callback may leave the account out. */
export const NO_ACCOUNT: SidFault = { reason: "it is a message without an AccountSid", remedy: NOT_TWILIO };
