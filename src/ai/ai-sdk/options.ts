import type { generateText, LanguageModel, StopCondition, ToolSet } from "ai";
import {
  aFunction,
  anyText,
  anything,
  either,
  lazily,
  object,
  oneOf,
  optional,
  type Schema,
  thatIs,
  trueOrFalse,
  whole,
} from "../../check.ts";
import type { AiTurn } from "../ai.ts";
import type { FetchMedia } from "./messages.ts";

/** The settings that the AI SDK's `generateText` takes. */
export type GenerateOptions = Parameters<typeof generateText>[0];

/** The settings that are passed on. Some of them came after version 5 of the SDK. */
type SettingName =
  | "maxOutputTokens"
  | "temperature"
  | "topP"
  | "topK"
  | "presencePenalty"
  | "frequencyPenalty"
  | "stopSequences"
  | "seed"
  | "reasoning"
  | "headers"
  | "timeout"
  | "providerOptions"
  | "toolChoice"
  | "activeTools"
  | "toolCallConcurrency"
  | "telemetry";

/**
 * The AI SDK's own settings, passed on unchanged: https://ai-sdk.dev/docs/ai-sdk-core/settings. The type has those of
 * the installed version: `reasoning`, `telemetry` and `toolCallConcurrency` came with version 7, `timeout` with version
 * 6.
 */
export type AiSdkSettings = Pick<GenerateOptions, Extract<keyof GenerateOptions, SettingName>>;

/** The options of `aiSdk()`. */
export interface AiSdkOptions extends AiSdkSettings {
  /** A model of any AI SDK provider, or a gateway's model id. */
  readonly model: LanguageModel;
  /** How the model should answer, or a function that returns this for a turn. @default none */
  readonly instructions?: string | ((turn: AiTurn) => string | Promise<string>);
  /**
   * The AI SDK's tools, or a function of the turn that makes them. A tool reads the turn from its `context` (see
   * `ToolTurn`), which it declares with a `contextSchema`. Versions 5 and 6 of the SDK have no `contextSchema`, and
   * their name for the context is `experimental_context`.
   *
   * A tool that returns a reply of kind `hand-off` or `silence` ends the turn with it; the model is not asked again.
   *
   * @default none
   */
  readonly tools?: ToolSet | ((turn: AiTurn) => ToolSet | Promise<ToolSet>);
  /** Additional context for single tools, by the tool's name. @default none */
  readonly toolsContext?: Readonly<Record<string, object>>;
  /**
   * When the calls of tools end. A model that has not written a text by then gets one more step, without tools. Where
   * it writes no text in that step, the turn fails. @default after 8 steps
   */
  readonly stopWhen?: StopCondition<ToolSet> | StopCondition<ToolSet>[];
  /** How often the SDK itself repeats a failed call. The engine already repeats the turn, with backoff. @default 0 */
  readonly maxRetries?: number;
  /** Whether to use `streamText`, for a model that can only stream. The reply is still sent whole. @default false */
  readonly stream?: boolean;
  /**
   * What the model sees of the person's pictures (`image/*`). Other media are always described.
   *
   * - `describe`: a line such as `[image/jpeg attached]`
   * - `link`: the address, fetched by the provider or the SDK. Twilio's media may ask for the account's credentials:
   *   https://www.twilio.com/docs/messaging/tutorials/how-to-receive-and-download-images-incoming-mms
   * - a function that fetches them
   *
   * A picture never prevents an answer by itself. A picture that the function does not find is described. Where the AI
   * provider refuses a call with pictures, or a link cannot be fetched, the model is asked once more with all pictures
   * described. If that succeeds, this process describes these pictures from then on. After a tool has acted in the
   * turn, the model is not asked once more, and the turn fails.
   *
   * @default "describe"
   */
  readonly media?: "describe" | "link" | FetchMedia;
}

const MODEL = "give a model of an AI SDK provider, or its id; is an environment variable missing?";
const INSTRUCTIONS = "give a text, or a function (turn) => text";
const TOOLS = "give an object of the AI SDK's tools, or a function (turn) => tools";
const CONTEXT = "give an object with the further context of each tool, by the tool's name";
const STOP = "give a condition of the AI SDK such as stepCountIs(5), or a list of them";
const MEDIA = 'give "describe", "link", or a function that fetches a picture';

/** Made at the first call. The SDK checks the values of its own settings. */
export const aiSdkSchema: () => Schema<AiSdkOptions> = lazily(() =>
  object<AiSdkOptions>(
    {
      model: thatIs<LanguageModel>((value) => isObject(value) || (typeof value === "string" && value !== ""), MODEL),
      instructions: optional(
        either(
          [anyText(INSTRUCTIONS), aFunction<Extract<AiSdkOptions["instructions"], object>>(INSTRUCTIONS)],
          INSTRUCTIONS,
        ),
      ),
      tools: optional(thatIs<NonNullable<AiSdkOptions["tools"]>>(isObjectOrFunction, TOOLS)),
      toolsContext: optional(thatIs<NonNullable<AiSdkOptions["toolsContext"]>>(isObject, CONTEXT)),
      stopWhen: optional(thatIs<NonNullable<AiSdkOptions["stopWhen"]>>(isStopCondition, STOP)),
      maxRetries: optional(whole(0, Number.MAX_SAFE_INTEGER, "give a whole number, 0 or more")),
      stream: optional(trueOrFalse()),
      media: optional(either([oneOf("describe", "link"), aFunction<FetchMedia>(MEDIA)], MEDIA)),
      maxOutputTokens: optional(anything()),
      temperature: optional(anything()),
      topP: optional(anything()),
      topK: optional(anything()),
      presencePenalty: optional(anything()),
      frequencyPenalty: optional(anything()),
      stopSequences: optional(anything()),
      seed: optional(anything()),
      reasoning: optional(anything()),
      headers: optional(anything()),
      timeout: optional(anything()),
      providerOptions: optional(anything()),
      toolChoice: optional(anything()),
      activeTools: optional(anything()),
      toolCallConcurrency: optional(anything()),
      telemetry: optional(anything()),
    },
    "give an object of options",
  ),
);

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjectOrFunction(value: unknown): boolean {
  return isObject(value) || typeof value === "function";
}

function isStopCondition(value: unknown): boolean {
  return typeof value === "function" || (Array.isArray(value) && value.every((one) => typeof one === "function"));
}
