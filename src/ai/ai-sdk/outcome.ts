import { type generateText, type ModelMessage, type StopCondition, streamText, type ToolSet } from "ai";
import type { Reply } from "../ai.ts";
import { withoutMarks } from "../prompt.ts";
import { ONLY_REASONING, withoutReasoning } from "../reasoning.ts";
import { failed } from "./failure.ts";

/** One call of the model within a run, with the fields that ownline reads. */
interface Step {
  readonly text: string;
  readonly toolCalls: readonly unknown[];
  readonly toolResults: readonly { readonly output: unknown }[];
  readonly content: readonly { readonly type: string }[];
}

/** The SDK's answer, received whole or collected from a stream. */
export interface Outcome extends Pick<Step, "text"> {
  readonly finishReason: string;
  readonly steps: readonly Step[];
  readonly response?: { readonly messages: ModelMessage[] };
}

/** Asks the model with `streamText`, and collects the answer. */
export async function streamed(call: Parameters<typeof generateText>[0]): Promise<Outcome> {
  const failures: unknown[] = [];
  const result = streamText({
    ...call,
    // Without a handler, the SDK prints the error and the request in it to the console.
    onError: ({ error }) => {
      failures.push(error);
    },
  });
  const { response: answered } = result;
  const [text, finishReason, steps, response] = await Promise.allSettled([
    result.text,
    result.finishReason,
    result.steps,
    answered,
  ]);
  // The error that ended the stream says more than the SDK's "no output" error that follows.
  if (failures.length > 0) throw failures[0];
  if (text.status === "rejected") throw text.reason;
  if (finishReason.status === "rejected") throw finishReason.reason;
  if (steps.status === "rejected") throw steps.reason;
  if (response.status === "rejected") throw response.reason;
  return { text: text.value, finishReason: finishReason.value, steps: steps.value, response: response.value };
}

/** Whether all called tools ran, and the model had no step left to write a text. */
export function isCapped({ finishReason, steps }: Outcome): boolean {
  const last = steps.at(-1);
  if (finishReason !== "tool-calls" || last === undefined || endingOf(last) !== null) return false;
  return last.toolCalls.length > 0 && last.content.filter(isResult).length >= last.toolCalls.length;
}

function isResult({ type }: { readonly type: string }): boolean {
  return type === "tool-result" || type === "tool-error";
}

/** Ends the run where a tool has returned a hand-off or silence. */
export const endsByTool: StopCondition<ToolSet> = ({ steps }) => endingOf(steps.at(-1)) !== null;

/**
 * The reply to the person, without reasoning.
 *
 * @throws OwnlineError `ai_failed` where the answer is not complete
 */
export function replyOf({ text: written, finishReason, steps }: Outcome): Reply {
  const text = withoutMarks(withoutReasoning(written));
  const ending = endingOf(steps.at(-1));
  if (ending?.kind === "hand-off" && ending.text === undefined && text !== "") return { ...ending, text };
  if (ending !== null) return ending;
  switch (finishReason) {
    case "length":
      throw failed("The model ran out of tokens before its reply was complete. Raise `maxOutputTokens`.", true);
    case "content-filter":
      throw failed("The AI provider's content filter stopped the reply.", false);
    case "tool-calls":
      throw failed(
        "The model stopped at a tool call, before it wrote a reply. Let `stopWhen` allow more steps, and give each tool an `execute` that needs no approval.",
        false,
      );
    case "error":
      throw failed("The AI provider reported an error instead of a reply.", true);
    default:
      if (text !== "") return text;
      throw failed(written.trim() === "" ? "The model returned an empty text." : ONLY_REASONING, true);
  }
}

type Ending = Exclude<Reply, string | { readonly kind: "text" }>;

/**
 * The hand-off or silence that a tool of the step returned. A hand-off takes precedence over silence, because an
 * operator is needed.
 */
function endingOf(step: Step | undefined): Ending | null {
  const endings = (step?.toolResults ?? []).map(({ output }) => output).filter(isEnding);
  return endings.find(({ kind }) => kind === "hand-off") ?? endings[0] ?? null;
}

function isEnding(output: unknown): output is Ending {
  return (
    typeof output === "object" &&
    output !== null &&
    "kind" in output &&
    (output.kind === "hand-off" || output.kind === "silence")
  );
}
