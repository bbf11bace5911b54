import type { AiTurn } from "../../ai/ai.ts";
import type { CheckedReply } from "../../ai/reply.ts";
import { OwnlineError } from "../../errors.ts";
import { toPlainText } from "../../segments/segments.ts";
import { foldTypography } from "../../segments/typography.ts";
import { compose } from "../outbound/compose.ts";
import type { EngineContext } from "../support/context.ts";
import type { Asked } from "./ask.ts";
import type { Decision } from "./silence.ts";

/** The result of asking the AI for an answer of at most `answer.maxParts` parts. */
export type Answered =
  | { readonly kind: "decided"; readonly decision: Decision; readonly error: OwnlineError | null }
  | Exclude<Asked, { readonly kind: "answered" }>;

/**
 * Asks the AI. Where its answer has more parts than `answer.maxParts`, asks once more for a shorter one. A hand-off
 * stays a hand-off: where its second text is too long as well, the fallback text replaces it.
 *
 * @throws OwnlineError `ai_failed`, not retryable, when the second answer is too long as well
 */
export async function answerWithinBound(
  context: EngineContext,
  input: AiTurn,
  askAi: (turn: AiTurn) => Promise<Asked>,
): Promise<Answered> {
  const { maxParts, fallbackText } = context.answer;
  const asked = await askAi(input);
  if (asked.kind !== "answered") return asked;
  const first = decisionOf(context, input.id, asked.reply);
  if (first.parts.length <= maxParts) return { kind: "decided", decision: first, error: null };

  const text = asked.reply.kind === "silence" ? "" : (asked.reply.text ?? "");
  const again = await askAi({ ...input, tooLong: { parts: first.parts.length, maxParts, text } });
  if (again.kind === "given-up") return again;
  const handedOff = asked.reply.kind === "hand-off" ? asked.reply : null;
  if (again.kind === "failed" && handedOff === null) return again;
  if (again.kind === "answered") {
    const second = decisionOf(context, input.id, handedOff === null ? again.reply : shortened(handedOff, again.reply));
    if (second.parts.length <= maxParts) return { kind: "decided", decision: second, error: null };
    const error = tooLong(context, `${first.parts.length} parts, then ${second.parts.length}`);
    if (handedOff === null) throw error;
    return { kind: "decided", decision: { ...second, parts: compose(context, input.id, fallbackText) }, error };
  }
  const error = tooLong(context, `${first.parts.length} parts, and it failed when it was asked again`, again.error);
  return { kind: "decided", decision: { ...first, parts: compose(context, input.id, fallbackText) }, error };
}

type HandOff = Extract<CheckedReply, { readonly kind: "hand-off" }>;

/** The second reply to a hand-off. The second call may have no tool for a hand-off, so its text alone is taken. */
function shortened({ reason }: HandOff, again: CheckedReply): HandOff {
  if (again.kind === "hand-off") return again;
  return {
    kind: "hand-off",
    ...(again.kind === "text" && again.text.trim() !== "" && { text: again.text }),
    ...(reason !== undefined && { reason }),
  };
}

function tooLong({ ai, answer }: EngineContext, found: string, cause?: unknown): OwnlineError {
  return new OwnlineError(
    "ai_failed",
    `the AI (${ai.name}) answered with ${found}, and answer.maxParts is ${answer.maxParts}: ask for short answers in its instructions, or raise answer.maxParts`,
    { cause },
  );
}

function decisionOf(context: EngineContext, turnId: string, reply: CheckedReply): Decision {
  const decided = { supersede: true, error: null } as const;
  switch (reply.kind) {
    case "silence":
      return { ...decided, outcome: "silent", parts: [], pause: false, reason: null };
    case "text": {
      const parts = compose(context, turnId, toSms(context, reply.text), reply.media);
      return { ...decided, outcome: "replied", parts, pause: false, reason: null };
    }
    case "hand-off": {
      const body = toSms(context, reply.text ?? "");
      const parts = body === "" ? [] : compose(context, turnId, body);
      return { ...decided, outcome: "handed-off", parts, pause: true, reason: reply.reason ?? null };
    }
    default:
      return reply satisfies never;
  }
}

/**
 * The AI's text as it is sent: Markdown and typography as the options `answer.markdown` and `answer.typography` say,
 * without white space at the ends.
 */
function toSms({ answer }: Pick<EngineContext, "answer">, text: string): string {
  const plain = answer.markdown === "strip" ? toPlainText(text) : text;
  return (answer.typography === "fold" ? foldTypography(plain) : plain).trim();
}
