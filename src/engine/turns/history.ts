import type { HistoryEntry } from "../../ai/ai.ts";
import type { CheckedAi } from "../../ai/reply.ts";
import { hook } from "../../hook.ts";
import type { InboundMessage, Message } from "../../model/message.ts";
import type { ClaimedTurn } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";

/** The loop guard needs this many messages, also where the AI sees fewer. */
const LEAST_FOR_POLICIES = 40;

/** How many of a conversation's newest messages a turn needs: for the policies, and for the AI. */
export function historyLimitOf({ history }: Pick<EngineContext, "history">): number {
  return Math.max(history.maxMessages, LEAST_FOR_POLICIES);
}

/**
 * The newest messages that either side has seen, oldest first: `maxMessages`, or more. Texts that came after the run's
 * inputs were frozen are left out. Outbound messages that were written since then are included. The messages come with
 * the claim, or are read from the storage.
 *
 * @throws OwnlineError `storage_unavailable`
 */
export async function recentMessages(
  context: Pick<EngineContext, "storage" | "history">,
  { conversation, turn, history }: Pick<ClaimedTurn, "conversation" | "turn" | "history">,
): Promise<readonly Message[]> {
  const newest = history ?? (await newestMessages(context, conversation.id));
  return newest.filter((message) => {
    return wasSaid(message) && (message.direction === "outbound" || message.seq <= turn.throughSeq);
  });
}

async function newestMessages(
  context: Pick<EngineContext, "storage" | "history">,
  conversationId: string,
): Promise<readonly Message[]> {
  const page = { conversationId, before: Number.MAX_SAFE_INTEGER, limit: historyLimitOf(context) };
  return (await context.storage.messages(page)).toReversed();
}

/**
 * The bounded history that the AI sees. It always contains the texts to answer, at any length. Of the other messages it
 * contains the newest that fit.
 */
export function historyFor(
  { history }: Pick<EngineContext, "history">,
  recent: readonly Message[],
  answering: readonly InboundMessage[],
): readonly HistoryEntry[] {
  const ids = new Set(answering.map((message) => message.id));
  const earlier = recent.filter((message) => !ids.has(message.id));
  let room = history.maxCharacters - answering.reduce((sum, message) => sum + message.body.length, 0);
  let places = history.maxMessages - answering.length;
  const chosen: Message[] = [];
  for (const message of earlier.toReversed()) {
    room -= message.body.length;
    places -= 1;
    if (room < 0 || places < 0) break;
    chosen.unshift(message);
  }
  // The texts to answer come last, even where an operator has written after them: models answer the last message.
  return [...chosen, ...answering].map(toEntry);
}

/**
 * Lets the service change the history that the AI sees; see the `history.select` option. Its time counts as the AI's.
 */
export function withSelectedHistory({ ai, history }: Pick<EngineContext, "ai" | "history">): CheckedAi {
  const { select } = history;
  if (select === undefined) return ai;
  return {
    name: ai.name,
    async reply(turn, context) {
      const selected = await hook("options.history.select", () => {
        // `select` gets copies: its changes in place must not reach the texts that the AI is to answer.
        const own = structuredClone(turn);
        return select(own.history, own);
      });
      // The run may have ended while `select` worked.
      context.signal.throwIfAborted();
      return ai.reply({ ...turn, history: selected }, context);
    },
  };
}

/**
 * Whether the message is part of the conversation. STOP, HELP and texts of people who have opted out are not, and an
 * outbound message that never left is not.
 */
function wasSaid(message: Message): boolean {
  if (message.direction === "inbound") return message.needsAnswer;
  return message.status !== "cancelled" && message.status !== "failed" && message.status !== "held";
}

const AUTHORS = { ai: "ai", operator: "operator", api: "service", "auto-reply": "service", system: "service" } as const;

function toEntry(message: Message): HistoryEntry {
  return {
    role: message.direction === "inbound" ? "user" : "assistant",
    ...(message.direction === "outbound" && { author: AUTHORS[message.origin] }),
    text: message.body,
    media: message.media,
    at: message.createdAt,
  };
}
