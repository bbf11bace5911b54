import type { InboundOrigin, Media } from "../../model/message.ts";
import type { InboundSnapshot, InboundVerdict } from "../../policy/policy.ts";
import type { ConsentKeys } from "../../storage/storage.ts";
import type { Route } from "../support/senders.ts";

/** A text from a person: from a webhook, typed in the app, or found in the provider's list. */
export interface IncomingMessage {
  /** Unique for ever; a text with a known key is the same text. */
  readonly key: string;
  readonly origin: InboundOrigin;
  readonly providerMessageId: string | null;
  readonly from: string;
  readonly to: string;
  readonly service: string | null;
  readonly body: string;
  readonly media: readonly Media[];
  readonly optOut: InboundSnapshot["optOut"];
  readonly occurredAt: number | null;
  /** Set where the text was found in the provider's list, because its webhook never came. */
  readonly swept?: SweptMessage;
}

export interface SweptMessage {
  /** Why the text is not answered; `null` where it is answered. */
  readonly unanswered: string | null;
  /** Whether its webhook may still come. */
  readonly isYoung: boolean;
}

/** A text as the policies judge it. */
export interface JudgedMessage {
  readonly route: Route | null;
  readonly line: string;
  readonly sender: string;
  readonly snapshot: InboundSnapshot;
  readonly verdicts: readonly InboundVerdict[];
  /** What a policy replies, and the policy's name; `null` where none does. */
  readonly worded: WordedReply | null;
  /** The key of the counters of this line and this person. */
  readonly pairKey: string;
  readonly consents: ConsentKeys;
}

export interface WordedReply {
  readonly policy: string;
  readonly reply: unknown;
  /**
   * Whether the reply confirms an opt-out. It is then sent once per opt-out; opt-out, pause and limits do not hold it
   * back.
   */
  readonly confirms: boolean;
}
