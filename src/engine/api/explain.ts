import type { DeliveryStatus } from "../../model/delivery-status.ts";
import type { InboundMessage, Message, OutboundMessage } from "../../model/message.ts";
import type { AttemptStory, MessageStory } from "../../storage/storage.ts";

/** A message's story: the rows of the ledger, and the same in sentences. */
export interface Explanation extends MessageStory {
  /**
   * One sentence for each step, in order. The sentences contain no phone numbers and no texts, so they may be logged.
   */
  readonly steps: readonly string[];
}

/** Builds a message's story from the ledger. */
export function explain(story: MessageStory): Explanation {
  const { message } = story;
  return {
    ...story,
    steps: message.direction === "inbound" ? inboundSteps(story, message) : outboundSteps(story, message),
  };
}

function inboundSteps(story: MessageStory, message: Message & { direction: "inbound" }): string[] {
  const steps = [
    message.origin === "simulated"
      ? `typed in the app and stored at ${iso(message.createdAt)}; never handed to the provider`
      : `${arrivalOf(message)} and was stored at ${iso(message.createdAt)}`,
  ];
  if (!message.needsAnswer) return [...steps, "needs no answer: a keyword, a loop, or a person who opted out"];
  return [...steps, ...turnSteps(story), ...story.replies.flatMap((reply) => replySteps(story, reply))];
}

function outboundSteps(story: MessageStory, message: OutboundMessage): string[] {
  const authors = {
    ai: "written by the AI",
    "auto-reply": "the auto-reply, sent on the answer to the webhook",
    operator: "written by an operator",
    api: "written by the service",
    system: "the confirmation of an opt-out, which passes the opt-out, a pause and the limits",
  } as const;
  return [
    `${authors[message.origin]}, part ${message.part} of ${message.parts}, stored at ${iso(message.createdAt)}`,
    ...turnSteps(story),
    ...replySteps(story, message),
  ];
}

function turnSteps({ turn, conversation, answers }: MessageStory): string[] {
  if (turn === null) return conversation.paused ? ["waits: the conversation is paused for an operator"] : [];
  const runs = [`turn ${turn.id} answers ${answers.length} text(s), run ${turn.runs}`];
  if (turn.superseded > 0) runs.push(`superseded by a newer text ${turn.superseded} time(s)`);
  if (turn.failures > 0) runs.push(`the AI failed ${turn.failures} time(s)`);
  if (turn.error !== null) runs.push(`the last failure: ${turn.error.reason}`);
  if (turn.outcome === null)
    return [...runs, conversation.paused ? "waits: the conversation is paused for an operator" : "the turn is open"];
  return [...runs, `the turn ended: ${turn.outcome}${turn.committedAt === null ? "" : ` at ${iso(turn.committedAt)}`}`];
}

function replySteps({ attempts }: MessageStory, reply: OutboundMessage): string[] {
  const name = reply.parts > 1 ? `part ${reply.part}` : "the message";
  const steps = attempts
    .filter((attempt) => attempt.outboundId === reply.id)
    .flatMap((attempt) => [
      `${name}: attempt ${attempt.attempt} at ${iso(attempt.startedAt)}: ${stateOf(attempt)}${attempt.error === null ? "" : ` (${attempt.error.reason})`}`,
      ...attempt.events.map(
        (event) =>
          `${name}: the provider said "${event.rawStatus}" at ${iso(event.at)}${event.times > 1 ? `, ${event.times} times` : ""}`,
      ),
    ]);
  return [
    ...steps,
    `${name} is ${reply.status}${WAITS[reply.status] ?? ""}${reply.error === null ? "" : `: ${reply.error.reason}`}`,
  ];
}

const WAITS: Readonly<Partial<Record<DeliveryStatus, string>>> = {
  waiting: ", not final yet",
  sending: ", not final yet",
  unknown:
    ", until a callback or the provider's list proves that it left, or until the window for such evidence is over",
  held: ", until an operator decides with resolve()",
};

/**
 * How the text arrived. A text that has its own time of writing came late, or from a provider that always sends that
 * time.
 */
function arrivalOf({ providerMessageId, occurredAt, createdAt }: InboundMessage): string {
  return occurredAt === createdAt
    ? `came by webhook as ${providerMessageId}`
    : `came as ${providerMessageId}, written at ${iso(occurredAt)} by the provider's clock,`;
}

function stateOf({ status, providerMessageId, events }: AttemptStory): string {
  if (status === "unknown") return "unknown, it is not known whether the provider took it";
  if (providerMessageId !== null) return `${status} as ${providerMessageId}`;
  return status === "accepted" && events.length === 0 ? "accepted, as an operator has decided" : status;
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
