import { generateText, type ModelMessage, type StopCondition, type ToolSet } from "ai";
import { checkedOptions } from "../check.ts";
import type { Ai, AiContext, AiTurn, Reply } from "./ai.ts";
import { failureOf, mayBePictures } from "./ai-sdk/failure.ts";
import { createMemory, type Memory } from "./ai-sdk/memory.ts";
import { promptOf } from "./ai-sdk/messages.ts";
import { type AiSdkOptions, aiSdkSchema, type GenerateOptions } from "./ai-sdk/options.ts";
import { endsByTool, isCapped, type Outcome, replyOf, streamed } from "./ai-sdk/outcome.ts";
import { closedTools, toolContexts, watchedTools } from "./ai-sdk/tools.ts";

export type { FetchMedia } from "./ai-sdk/messages.ts";
export type { AiSdkOptions, AiSdkSettings, GenerateOptions } from "./ai-sdk/options.ts";
export type { ToolTurn } from "./ai-sdk/tools.ts";

/**
 * Answers with a model of the AI SDK (https://ai-sdk.dev), tools included. Needs the package `ai`, version 5, 6 or 7.
 *
 * Reasoning is never part of the reply. The SDK's reasoning parts are left out, and so is reasoning in the model's
 * text, in `<think>` tags and similar tags or in Harmony channels.
 *
 * Before a tool's `execute` runs, `context.toolStarted()` is called. From then on, a newer text does not end the run. A
 * run that was given up earlier starts no more tools. A turn can run again after a crash or an error: a tool with
 * lasting effects makes an idempotency key from its `context.turnId` and its input.
 *
 * `reply` throws `ai_failed`. The error is retryable as the SDK's `APICallError.isRetryable` says, and for a reply that
 * is cut, empty or only reasoning. It is not retryable for refused credentials, an unknown model, filtered content and
 * a reply that ends in a tool call. The SDK's error is in `cause`, and contains the request: do not log it where the
 * log must not contain texts. A `timeout` of the SDK is `ai_timeout`. An aborted call throws the signal's reason.
 *
 * @throws OwnlineError `invalid_options` for a missing `model`, an unknown option and a value out of range. The message
 * names each one's path and remedy.
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
  const { model } = given;
  const memory = createMemory();
  return {
    name: typeof model === "string" ? model : model.modelId,
    async reply(turn, context): Promise<Reply> {
      const { signal } = context;
      try {
        signal.throwIfAborted();
        const reply = replyOf(await generate(given, memory, turn, context));
        memory.forgetProgress(turn.id);
        return reply;
      } catch (error) {
        if (signal.aborted) throw signal.reason;
        const failure = failureOf(error, typeof model === "string");
        if (!failure.retryable) memory.forgetProgress(turn.id);
        throw failure;
      }
    },
  };
}

const afterEightSteps: StopCondition<ToolSet> = ({ steps }) => steps.length >= 8;

const afterOneStep: StopCondition<ToolSet> = () => true;

/**
 * One run of a turn: the steps with tools, then one step without tools where they are used up. Where pictures may have
 * caused an error, the call is repeated without them.
 */
async function generate(options: AiSdkOptions, memory: Memory, turn: AiTurn, context: AiContext): Promise<Outcome> {
  const { model, instructions, tools, toolsContext, stopWhen = afterEightSteps, media = "describe", ...rest } = options;
  const { stream = false, maxRetries = 0, ...settings } = rest;
  const { signal } = context;
  const own = typeof instructions === "function" ? await instructions(turn) : instructions;
  // The tools have already acted for the first answer, so the shorter one gets none.
  const toolSet = turn.tooLong ? undefined : typeof tools === "function" ? await tools(turn) : tools;
  const turns = toolSet && toolContexts(toolSet, turn, toolsContext);
  let acted = memory.progressOf(turn.id) !== undefined;
  const watcher: AiContext = {
    signal,
    toolStarted: () => {
      acted = true;
      context.toolStarted();
    },
  };
  const run = (call: GenerateOptions) => (stream ? streamed(call) : generateText(call));

  const attempt = async (without: ReadonlySet<string>): Promise<Outcome> => {
    const before = memory.progressOf(turn.id);
    const { system, messages, shown } = await promptOf(turn, own, media, without, signal);
    const call = {
      ...settings,
      // With a `toolChoice` that demands a call, the SDK would refuse an answer without one.
      ...(turn.tooLong && { toolChoice: "auto" as const }),
      model,
      messages: [...messages, ...(before?.messages ?? [])],
      maxRetries,
      abortSignal: signal,
      stopWhen: [...(Array.isArray(stopWhen) ? stopWhen : [stopWhen]), endsByTool],
      // Version 7 of the SDK has renamed `system` to `instructions`, and reads the new name first.
      ...(system && { instructions: system, system }),
    };
    const remember = (all: readonly ModelMessage[], isLast: boolean) => {
      if (acted) memory.keepProgress(turn.id, { messages: all.slice(messages.length), isLast });
    };
    const answerOnly = (all: ModelMessage[]) => {
      const { toolChoice: _, activeTools: __, ...plain } = call;
      return run({ ...plain, messages: all, stopWhen: afterOneStep, ...(toolSet && closedTools(toolSet)) });
    };
    try {
      if (before?.isLast === true) return await answerOnly(call.messages);
      const outcome = await run({
        ...call,
        ...(toolSet &&
          turns && {
            tools: watchedTools(toolSet, watcher, turns),
            // The SDK's types have a top-level `toolsContext` only where the type of each single tool is known.
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
      const outcome = await attempt(new Set([...without, ...shown]));
      // The call without pictures succeeded, so the pictures caused the error.
      memory.refusePictures(shown);
      return outcome;
    }
  };
  return attempt(memory.refusedPictures);
}
