import {
  APICallError,
  generateText,
  LoadAPIKeyError,
  type ModelMessage,
  NoSuchModelError,
  RetryError,
  type StopCondition,
  streamText,
  type ToolSet,
} from "ai";
import { checkedOptions } from "../check.ts";
import { isOwnlineError, OwnlineError } from "../errors.ts";
import type { Ai, AiContext, AiTurn, Reply } from "./ai.ts";
import { promptOf } from "./ai-sdk-messages.ts";
import { type AiSdkOptions, aiSdkSchema, type GenerateOptions, type ToolTurn } from "./ai-sdk-options.ts";
import { withoutMarks } from "./prompt.ts";
import { providerError } from "./provider-error.ts";
import { ONLY_REASONING, withoutReasoning } from "./reasoning.ts";

export type { FetchMedia } from "./ai-sdk-messages.ts";
export type { AiSdkOptions, AiSdkSettings, GenerateOptions, ToolTurn } from "./ai-sdk-options.ts";

/**
 * Answers by a model of the AI SDK (https://ai-sdk.dev), tools included. Needs the package `ai`, version 5, 6 or 7.
 *
 * Reasoning is never part of the reply: neither the SDK's reasoning parts nor what a model leaves in its text, in
 * `<think>` tags and their like or in Harmony channels.
 *
 * Before a tool's `execute` runs, `context.toolStarted()` is called, so from then on the run is not given up for a
 * newer text; a run that was given up before starts no more tools. A turn can run again after a crash or an error:
 * a tool with lasting effects makes an idempotency key from its `context.turnId` and its input.
 *
 * `reply` throws `ai_failed`: retryable as the SDK's `APICallError.isRetryable` says, and for a reply that is cut,
 * empty, reasoning alone or ends in a tool call; not for refused credentials, an unknown model and filtered content. The SDK's error is
 * in `cause`, and carries the request: do not log it where texts must not go. A `timeout` of the SDK is `ai_timeout`.
 * An aborted call throws the signal's reason.
 *
 * @throws OwnlineError `invalid_options` for a missing `model`, an option that is not known and a value out of range,
 * each with its path and the remedy.
 * @example
 * ```ts
 * import { tool } from "ai";
 * import { aiSdk } from "ownline/ai/ai-sdk";
 * import { z } from "zod";
 *
 * const ai = aiSdk({
 *   model: "openai/gpt-5-mini",
 *   instructions: "You book tables. Answer in one short text.",
 *   tools: {
 *     book: tool({
 *       description: "Books a table",
 *       inputSchema: z.object({ people: z.number(), at: z.string() }),
 *       contextSchema: z.object({ turnId: z.string() }),
 *       execute: async ({ people, at }, { context }) => `Booked for ${people} at ${at}, key ${context.turnId}:${at}`,
 *     }),
 *     callStaff: tool({
 *       description: "Asks a colleague to take over",
 *       inputSchema: z.object({ reason: z.string() }),
 *       execute: async ({ reason }) => ({ kind: "hand-off", text: "A colleague will write to you.", reason }),
 *     }),
 *   },
 * });
 * ```
 */
export function aiSdk(options: AiSdkOptions): Ai {
  const given = checkedOptions(aiSdkSchema, options, "aiSdk()");
  const { model, instructions, tools, toolsContext, stopWhen = afterEightSteps, media = "describe", ...rest } = given;
  const { stream = false, maxRetries = 0, ...settings } = rest;

  /** What the provider refused before is described from then on, in this process. */
  const refused = new Set<string>();
  /** What tools did in turns that failed afterwards: another run goes on from there, so that they do not act again. */
  const done = new Map<string, Progress>();

  return {
    name: typeof model === "string" ? model : model.modelId,
    async reply(turn, context): Promise<Reply> {
      const { signal } = context;
      try {
        signal.throwIfAborted();
        const own = typeof instructions === "function" ? await instructions(turn) : instructions;
        // A shorter answer needs no second booking.
        const toolSet = turn.tooLong ? undefined : typeof tools === "function" ? await tools(turn) : tools;
        const turns = toolSet && contexts(toolSet, turn, toolsContext);
        let acted = done.has(turn.id);
        const tell: AiContext = {
          signal,
          toolStarted: () => {
            acted = true;
            context.toolStarted();
          },
        };
        const generate = async (without: ReadonlySet<string>): Promise<Outcome> => {
          const before = done.get(turn.id)?.messages ?? [];
          const { system, messages, shown } = await promptOf(turn, own, media, without, signal);
          const call = {
            ...settings,
            // Without tools the SDK would refuse an answer for want of a call.
            ...(turn.tooLong && { toolChoice: "auto" as const }),
            model,
            messages: [...messages, ...before],
            maxRetries,
            abortSignal: signal,
            stopWhen: [...(Array.isArray(stopWhen) ? stopWhen : [stopWhen]), endsByTool],
            // Version 7 has renamed `system`, and reads the new name first.
            ...(system && { instructions: system, system }),
          };
          const remember = (all: readonly ModelMessage[], isLast: boolean) => {
            if (!acted) return;
            done.delete(turn.id);
            done.set(turn.id, { messages: all.slice(messages.length), isLast });
            const [oldest] = done.keys();
            if (done.size > MOST_REMEMBERED && oldest !== undefined) done.delete(oldest);
          };
          const run = (more: GenerateOptions) => (stream ? streamed(more) : generateText(more));
          const answerOnly = (all: ModelMessage[]) => {
            const { toolChoice: _, activeTools: __, ...plain } = call;
            return run({ ...plain, messages: all, stopWhen: afterOneStep, ...(toolSet && { ...closed(toolSet) }) });
          };
          try {
            if (done.get(turn.id)?.isLast === true) return await answerOnly(call.messages);
            const outcome = await run({
              ...call,
              ...(toolSet &&
                turns && {
                  tools: watched(toolSet, tell, turns),
                  // The SDK's types have a top-level `toolsContext` only where the tools are known one by one.
                  prepareStep: ({ messages: all }: { messages: ModelMessage[] }) => {
                    remember(all, false);
                    return { toolsContext: turns };
                  },
                }),
            });
            if (!isCapped(outcome)) return outcome;
            const all = [...call.messages, ...(outcome.response?.messages ?? [])];
            remember(all, true);
            return await answerOnly(all);
          } catch (error) {
            if (signal.aborted || acted || shown.length === 0 || !mayBePictures(error)) throw error;
            const outcome = await generate(new Set([...without, ...shown]));
            // Only now is it known that the pictures were to blame.
            for (const url of shown) refused.add(url);
            for (const url of refused) if (refused.size > MOST_REMEMBERED) refused.delete(url);
            return outcome;
          }
        };
        const reply = replyOf(await generate(refused));
        done.delete(turn.id);
        return reply;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const told = isOwnlineError(error) ? error : sdkError(error, typeof model === "string");
        if (!told.retryable) done.delete(turn.id);
        throw told;
      }
    },
  };
}

/** How much is kept of turns that failed, and of refused pictures. */
const MOST_REMEMBERED = 500;

interface Progress {
  /** The calls of tools and their results, after the conversation. */
  readonly messages: ModelMessage[];
  /** The tools have had all their steps. */
  readonly isLast: boolean;
}

interface Step {
  readonly text: string;
  readonly toolCalls: readonly unknown[];
  readonly toolResults: readonly { readonly output: unknown }[];
  readonly content: readonly { readonly type: string }[];
}

interface Outcome extends Pick<Step, "text"> {
  readonly finishReason: string;
  readonly steps: readonly Step[];
  readonly response?: { readonly messages: ModelMessage[] };
}

/** The tools ran, each of them, and the model had no step left to say so. */
function isCapped({ finishReason, steps }: Outcome): boolean {
  const last = steps.at(-1);
  if (finishReason !== "tool-calls" || last === undefined || endingOf(last) !== null) return false;
  return last.toolCalls.length > 0 && last.content.filter(isResult).length >= last.toolCalls.length;
}

function isResult({ type }: { readonly type: string }): boolean {
  return type === "tool-result" || type === "tool-error";
}

/** The tools, for a provider that wants to know what the calls before were about; none of them can be called. */
function closed(tools: ToolSet): Pick<GenerateOptions, "tools" | "toolChoice"> {
  const entries = Object.entries(tools).map(([name, tool]) => {
    const open = { ...tool };
    delete open.execute;
    return [name, open];
  });
  return { tools: Object.fromEntries(entries), toolChoice: "none" };
}

/** Whether the same request may do without its pictures: it was refused as it is, or a picture could not be had. */
function mayBePictures(error: unknown): boolean {
  const last = RetryError.isInstance(error) ? error.lastError : error;
  if (APICallError.isInstance(last)) {
    const { statusCode = 0 } = last;
    return (
      statusCode === 500 ||
      (statusCode >= 400 && statusCode < 500 && ![401, 402, 403, 404, 408, 429].includes(statusCode))
    );
  }
  if (isOwnlineError(last) || LoadAPIKeyError.isInstance(last) || NoSuchModelError.isInstance(last)) return false;
  return !(last instanceof Error && ["TimeoutError", "AbortError", "GatewayAuthenticationError"].includes(last.name));
}

async function streamed(call: GenerateOptions): Promise<Outcome> {
  const failures: unknown[] = [];
  const result = streamText({
    ...call,
    // Without a handler the SDK prints the error, with all that it carries, to the console.
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
  // What broke the stream says more than the SDK's "no output" that follows from it.
  if (failures.length > 0) throw failures[0];
  if (text.status === "rejected") throw text.reason;
  if (finishReason.status === "rejected") throw finishReason.reason;
  if (steps.status === "rejected") throw steps.reason;
  if (response.status === "rejected") throw response.reason;
  return { text: text.value, finishReason: finishReason.value, steps: steps.value, response: response.value };
}

/** Tools that tell the engine before they act, and that do not act any more once the run was given up. */
function watched(tools: ToolSet, context: AiContext, turns: Readonly<Record<string, ToolTurn>>): ToolSet {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => {
      const { execute } = tool;
      if (execute === undefined) return [name, tool];
      const guarded: typeof execute = (input, toolOptions) => {
        context.signal.throwIfAborted();
        context.toolStarted();
        // Before version 7 the SDK has no context for each tool.
        const known = toolOptions.context ?? turns[name];
        return execute.call(tool, input, { ...toolOptions, context: known, experimental_context: known });
      };
      return [name, { ...tool, execute: guarded }];
    }),
  );
}

function contexts(
  tools: ToolSet,
  turn: AiTurn,
  extra: AiSdkOptions["toolsContext"] = {},
): Record<string, ToolTurn & object> {
  const { id: turnId, run, conversationId, sender, participant } = turn;
  const shared: ToolTurn = { turnId, run, conversationId, sender, participant };
  return Object.fromEntries(Object.keys(tools).map((name) => [name, { ...extra[name], ...shared }]));
}

type Ending = Exclude<Reply, string | { readonly kind: "text" }>;

/** What a tool of the step decided in the model's stead. A hand-off outranks silence: a person is asked for. */
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

const afterEightSteps: StopCondition<ToolSet> = ({ steps }) => steps.length >= 8;

const afterOneStep: StopCondition<ToolSet> = () => true;

const endsByTool: StopCondition<ToolSet> = ({ steps }) => endingOf(steps.at(-1)) !== null;

function replyOf({ text: written, finishReason, steps }: Outcome): Reply {
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

function sdkError(error: unknown, isModelId: boolean): OwnlineError {
  const last = RetryError.isInstance(error) ? error.lastError : error;
  if (APICallError.isInstance(last)) {
    return providerError({ status: last.statusCode, retryable: last.isRetryable, cause: error });
  }
  if (last instanceof Error && last.name === "GatewayAuthenticationError") {
    const remedy = isModelId
      ? "`model` is a text, so the AI SDK asks the AI Gateway. Set the environment variable AI_GATEWAY_API_KEY, or give aiSdk() a model of a provider's own package."
      : "Set the environment variable AI_GATEWAY_API_KEY to a valid key.";
    return failed(`The AI Gateway has no valid API key. ${remedy}`, false, error);
  }
  if (LoadAPIKeyError.isInstance(last)) {
    const [variable] = /\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:KEY|TOKEN)\b/.exec(last.message) ?? [];
    const remedy =
      variable === undefined
        ? "Set the environment variable or option that the error's `cause` names."
        : `Set the environment variable ${variable}, or give the key to the model's provider.`;
    return failed(`The AI provider has no API key. ${remedy}`, false, error);
  }
  if (NoSuchModelError.isInstance(last)) {
    return failed("The AI provider knows no such model. Check the model's name.", false, error);
  }
  if (last instanceof Error && (last.name === "TimeoutError" || last.name === "AbortError")) {
    const message = "The AI took longer than the `timeout` that aiSdk() was given.";
    return new OwnlineError("ai_timeout", message, { retryable: true, cause: error });
  }
  return failed("The AI SDK failed. The error's `cause` says why.", true, error);
}

function failed(message: string, retryable: boolean, cause?: unknown): OwnlineError {
  return new OwnlineError("ai_failed", message, { retryable, cause });
}
