import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { participantKeyOf } from "../../model/person-address.ts";

/** As far as the clocks of processes may be apart. */
const CLOCKS_APART_MS = 60_000;

type Accuse = (rule: string, detail: string) => void;

/** A person has one conversation with a line, however the number is written. */
export function judgeSpellings(conversations: readonly Conversation[], accuse: Accuse): void {
  const people = new Set(conversations.map(({ line, participant }) => `${line} ${participantKeyOf(participant)}`));
  if (people.size < conversations.length) accuse("spelling", "a person has two conversations with one line");
}

/** The conversation shows the form of the number that the provider showed last, else the one that came first. */
export function judgeForm({ participant }: Conversation, messages: readonly Message[], accuse: Accuse): void {
  let form: string | null = null;
  let seenAt = 0;
  for (const message of messages.toSorted((one, other) => one.seq - other.seq)) {
    if (message.direction === "outbound") continue;
    const { origin, from, occurredAt, createdAt } = message;
    if (origin === "simulated") continue;
    // Its clock may have jumped back meanwhile: then that of the earlier message says nothing.
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
