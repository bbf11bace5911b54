import type { Ai, AiFunction, AiTurn } from "../ai/ai.ts";
import type { OwnlineOptions } from "../engine/options/options.ts";
import { OwnlineError } from "../errors.ts";
import type { TurnOutcome } from "../model/conversation.ts";
import type { ConsentEvent, Notice } from "../model/events.ts";
import type { Media, Message, OutboundMessage } from "../model/message.ts";
import { type Ownline, ownline } from "../ownline.ts";
import { memory } from "../storage/memory.ts";
import { fakeTransport } from "./fake-transport.ts";
import { manualClock } from "./manual-clock.ts";

/** One line of a conversation, as it is written in a test. */
export interface TurnLine {
  /** `participant`: the person, from the phone. `ai`, `operator`, `service`: earlier messages of your side. */
  readonly by: "participant" | "ai" | "operator" | "service";
  readonly body: string;
  /** Only of a participant's line. @default none */
  readonly media?: readonly Media[];
}

/** What {@link runTurn} takes: the service's own options, and the conversation up to the turn. */
export interface RunTurnOptions extends Omit<OwnlineOptions, "senders" | "transport" | "storage" | "clock" | "queue"> {
  /** The AI under test: the one that your service gives to `ownline()`. It is really called. */
  readonly ai: Ai | AiFunction;
  /**
   * The lines, oldest first. The participant's lines after the last line of your side are the turn: the AI is asked
   * about them. A text alone is one line of the participant.
   */
  readonly conversation: string | readonly (string | TurnLine)[];
  /** The service's number. @default "+15703251809" */
  readonly sender?: string;
  /** The participant's number. @default "+12345678900" */
  readonly participant?: string;
}

/** A message that the turn would send. */
export interface TurnSend {
  readonly body: string;
  readonly media: readonly Media[];
  /** `auto-reply`: in the answer to the webhook. `system`: the confirmation of an opt-out. */
  readonly origin: "ai" | "auto-reply" | "system";
  readonly encoding: "GSM-7" | "UCS-2";
  /** The number of segments that the provider would charge. */
  readonly segments: number;
}

/** The result of the turn. */
export interface TurnResult {
  /** `null` where there was no turn: a policy handled the message (STOP, HELP), or no text needed an answer. */
  readonly outcome: TurnOutcome | null;
  /** Why the AI was silent, handed over, or was replaced by the fallback text. */
  readonly reason: string | null;
  /** The messages that would leave, in order. */
  readonly sends: readonly TurnSend[];
  /** What the AI was asked, call by call. More than one call where it failed, or where its answer was too long. */
  readonly asked: readonly AiTurn[];
  /** Whether the conversation waits for an operator now. */
  readonly paused: boolean;
  readonly consent: readonly ConsentEvent[];
  readonly notices: readonly Notice[];
  readonly errors: readonly OwnlineError[];
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };
/** The time between past turns: long enough that the loop guard does not take the written history for a loop. */
const BETWEEN_TURNS_MS = 600_000;

/**
 * Runs one turn with your service's own AI and policies, and returns what would be sent. No message leaves: the
 * transport, the storage and the clock are replacements. The lines before the turn are the AI's history.
 *
 * The AI takes its real time. Back-off between its attempts takes no time. `answer.timeoutMs` ends no call, since the
 * clock stands still.
 *
 * @throws OwnlineError `invalid_options` where the conversation does not end with the participant, or a line of the AI
 * follows no line of the participant; and as `ownline()` does
 * @example
 * ```ts
 * import { runTurn } from "ownline/testing";
 *
 * const result = await runTurn({
 *   ai: ({ messages }) => `You wrote: ${messages[0]?.body}`,
 *   conversation: ["Hello", { by: "ai", body: "Hello Ada! How can I help?" }, "Is 8 pm free?"],
 * });
 * console.log(result.outcome, result.sends.map(({ body }) => body));
 * ```
 */
export async function runTurn(options: RunTurnOptions): Promise<TurnResult> {
  const { ai, conversation, sender = "+15703251809", participant = "+12345678900", ...rest } = options;
  const turns = turnsIn(conversation);
  const clock = manualClock();
  const provider = fakeTransport({ now: clock.now });
  const asked: AiTurn[] = [];
  /** The AI's line in a past turn; `undefined` for the turn under test. */
  let scripted: string | null | undefined;
  const real: AiFunction = typeof ai === "function" ? ai : (turn, context) => ai.reply(turn, context);
  const sms = ownline({
    sending: { rateLimit: false },
    logger: SILENT,
    ...rest,
    senders: [sender],
    transport: provider,
    storage: memory({ clock }),
    clock,
    ai: {
      name: typeof ai === "function" ? "function" : ai.name,
      async reply(turn, context) {
        if (scripted !== undefined) return scripted ?? { kind: "silence" };
        asked.push(structuredClone(turn));
        return real(turn, context);
      },
    },
  });
  const arrive = async (lines: readonly TurnLine[]): Promise<void> => {
    for (const { body, media = [] } of lines) {
      await sms.fetch(provider.text({ from: participant, to: sender, body, media }));
    }
    await sms.settled();
  };

  try {
    for (const { texts, replies } of turns.past) {
      scripted = replies.find(({ by }) => by === "ai")?.body ?? null;
      await arrive(texts);
      await sayOurselves(sms, { to: participant, from: sender }, replies);
      await clock.advance(BETWEEN_TURNS_MS);
    }
    scripted = undefined;
    const found = listen(sms);
    await arrive(turns.last);
    return { ...(await found()), asked };
  } finally {
    await sms.close();
  }
}

/** Sends what operators and the service wrote in the past. */
async function sayOurselves(
  sms: Ownline,
  route: { readonly to: string; readonly from: string },
  replies: readonly TurnLine[],
): Promise<void> {
  for (const { by, body } of replies) {
    if (by === "ai") continue;
    await sms.send({ ...route, key: crypto.randomUUID(), body, origin: by === "operator" ? "operator" : "api" });
  }
  await sms.settled();
}

/** Listens from now on, and returns what happened. */
function listen(sms: Ownline): () => Promise<Omit<TurnResult, "asked">> {
  const ids = new Set<string>();
  const consent: ConsentEvent[] = [];
  const notices: Notice[] = [];
  const errors: OwnlineError[] = [];
  let ended: Pick<TurnResult, "outcome" | "reason"> = { outcome: null, reason: null };
  let conversationId = "";
  sms.on("message", (message) => {
    conversationId = message.conversationId;
    ids.add(message.id);
  });
  sms.on("turn", ({ outcome, reason }) => {
    ended = { outcome, reason };
  });
  sms.on("consent", (change) => consent.push(change));
  sms.on("notice", (notice) => notices.push(notice));
  sms.on("error", (error) => errors.push(error));
  return async () => {
    const messages = await Promise.all([...ids].map((id) => sms.message(id)));
    const paused = (await sms.conversation(conversationId))?.paused ?? false;
    return { ...ended, sends: messages.flatMap(sendOf), paused, consent, notices, errors };
  };
}

/** What the provider took, and what the answer to the webhook carries. */
function sendOf(message: Message | null): TurnSend[] {
  if (message?.direction !== "outbound" || message.status !== "accepted") return [];
  const { body, media, origin, encoding, segments } = message;
  return isOfTurn(origin) ? [{ body, media, origin, encoding, segments }] : [];
}

function isOfTurn(origin: OutboundMessage["origin"]): origin is TurnSend["origin"] {
  return origin === "ai" || origin === "auto-reply" || origin === "system";
}

interface Turns {
  readonly past: readonly { readonly texts: readonly TurnLine[]; readonly replies: readonly TurnLine[] }[];
  readonly last: readonly TurnLine[];
}

function turnsIn(conversation: RunTurnOptions["conversation"]): Turns {
  const given = typeof conversation === "string" ? [conversation] : conversation;
  const lines = given.map((line): TurnLine => (typeof line === "string" ? { by: "participant", body: line } : line));
  const turns: { texts: TurnLine[]; replies: TurnLine[] }[] = [];
  for (const line of lines) {
    const turn = turns.at(-1);
    if (line.by === "participant") {
      if (turn === undefined || turn.replies.length > 0) turns.push({ texts: [line], replies: [] });
      else turn.texts.push(line);
    } else if (line.by === "ai" && (turn === undefined || turn.replies.some(({ by }) => by === "ai"))) {
      throw mistake(
        'each line { by: "ai" } answers a line of the participant before it: join two lines of the AI into one',
      );
    } else if (turn === undefined) turns.push({ texts: [], replies: [line] });
    else turn.replies.push(line);
  }
  const last = turns.pop();
  if (last === undefined || last.texts.length === 0 || last.replies.length > 0) {
    throw mistake("it must end with a line of the participant: the AI is asked about that line");
  }
  return { past: turns, last: last.texts };
}

function mistake(what: string): OwnlineError {
  return new OwnlineError("invalid_options", `runTurn() cannot play the conversation: ${what}`);
}
