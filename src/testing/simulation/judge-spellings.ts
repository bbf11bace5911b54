import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { participantKeyOf } from "../../model/person-address.ts";

/** The largest difference between the clocks of two processes. */
const CLOCKS_APART_MS = 60_000;

type Accuse = (rule: string, detail: string) => void;

/** A person has one conversation with a line, in whichever way the number is written. */
export function judgeSpellings(conversations: readonly Conversation[], accuse: Accuse): void {
  const people = new Set(conversations.map(({ line, participant }) => `${line} ${participantKeyOf(participant)}`));
  if (people.size < conversations.length) accuse("spelling", "a person has two conversations with one line");
}

/**
 * The conversation shows the form of the number that the provider showed last. Without one, it shows the first form.
 */
export function judgeForm({ participant }: Conversation, messages: readonly Message[], accuse: Accuse): void {
  let form: string | null = null;
  let seenAt = 0;
  for (const message of messages.toSorted((one, other) => one.seq - other.seq)) {
    if (message.direction === "outbound") continue;
    const { origin, from, occurredAt, createdAt } = message;
    if (origin === "simulated") continue;
    // The clock may have jumped back since the earlier message. Then the earlier message's time cannot be compared.
    const isJump = seenAt > createdAt + CLOCKS_APART_MS;
    if (!isJump && Math.min(occurredAt, createdAt) < Math.min(seenAt, createdAt)) continue;
    form = from;
    seenAt = Math.min(occurredAt, createdAt);
  }
  const [first] = messages.toSorted((one, other) => one.seq - other.seq);
  form ??= first === undefined ? participant : first.direction === "inbound" ? first.from : null;
  if (form !== null && participant !== form)
    accuse("spelling", "messages go to another form than the provider showed last");
}
