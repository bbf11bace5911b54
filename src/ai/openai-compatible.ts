import {
  aFunction,
  anyText,
  checkedOptions,
  count,
  either,
  faultless,
  lazily,
  numberThat,
  object,
  optional,
  someText,
  thatIs,
} from "../check.ts";
import { isOwnlineError, OwnlineError } from "../errors.ts";
import type { Ai, AiContext, AiTurn, Reply } from "./ai.ts";
import { toPrompt, withoutMarks } from "./prompt.ts";
import { providerError } from "./provider-error.ts";
import { ONLY_REASONING, withoutReasoning } from "./reasoning.ts";

export interface OpenAiCompatibleOptions {
  /**
   * The API's address, for example `https://api.openai.com/v1` or `http://localhost:11434`. A trailing slash does not
   * matter; an address without a path gets `/v1`; a query is kept.
   */
  readonly baseUrl: string | undefined;
  /** Sent as a bearer token. Give `null` for a server that needs no key. */
  readonly apiKey: string | null | undefined;
  readonly model: string | undefined;
  /** How the model should answer, or a function that returns this for a turn. @default none */
  readonly instructions?: string | ((turn: AiTurn) => string | Promise<string>);
  /** From 0 to 2. @default the server's own */
  readonly temperature?: number;
  /** Sent as `max_tokens`. A reply that reaches it is refused, not cut. @default the server's own */
  readonly maxTokens?: number;
  /**
   * Additional headers. They replace ownline's own, so a server may get another kind of authorization. @default none
   */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Additional fields of the request, for example `{ max_completion_tokens: 400 }` where a model needs that name.
   * @default none
   */
  readonly extraBody?: Readonly<Record<string, unknown>>;
  /** @default The global `fetch` at the time of the call */
  readonly fetch?: typeof fetch;
}

/** The checked options. */
interface Settings extends OpenAiCompatibleOptions {
  readonly baseUrl: string;
  readonly apiKey: string | null;
  readonly model: string;
}

const API_KEY =
  "give the provider's key, for example from OPENAI_API_KEY, or null for a server that needs none; is an environment variable missing?";
const INSTRUCTIONS = "give a text, or a function (turn) => text";
const TEMPERATURE = "give a number from 0 to 2";

const schema = lazily(() =>
  object<Settings>(
    {
      baseUrl: faultless(
        someText(
          'give the address of the API, for example "https://api.openai.com/v1"; is an environment variable missing?',
        ),
        baseUrlFault,
      ),
      apiKey: either([thatIs<null>((value) => value === null, API_KEY), someText(API_KEY)], API_KEY),
      model: someText("give the id of the model, for example from OPENAI_MODEL; is an environment variable missing?"),
      instructions: optional(
        either(
          [
            anyText(INSTRUCTIONS),
            aFunction<Extract<Settings["instructions"], (turn: AiTurn) => unknown>>(INSTRUCTIONS),
          ],
          INSTRUCTIONS,
        ),
      ),
      temperature: optional(numberThat((given) => given >= 0 && given <= 2, TEMPERATURE)),
      maxTokens: optional(count("give a whole number above 0")),
      headers: optional(thatIs<NonNullable<Settings["headers"]>>(isRecord, "give an object of headers")),
      extraBody: optional(thatIs<NonNullable<Settings["extraBody"]>>(isRecord, "give an object of further fields")),
      fetch: optional(aFunction<typeof fetch>("give a function such as fetch")),
    },
    "give an object of options",
  ),
);

function baseUrlFault(baseUrl: string): string | undefined {
  const url = URL.canParse(baseUrl) ? new URL(baseUrl) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) return "give a full http(s) address";
  if (url.username === "" && url.password === "") return undefined;
  return "remove the credentials from it: use apiKey or headers";
}

/**
 * Answers with any server that has OpenAI's chat completions API, over `fetch` alone: OpenAI itself, most hosted
 * providers, and local servers such as Ollama, llama.cpp and vLLM. It has no tools; `aiSdk()` has them.
 *
 * The model does not see a picture, but the line `[image/jpeg attached]`. Reasoning is never part of the reply. Its own
 * field or part (`reasoning_content`) is left out, and so is reasoning in the text, in `<think>` tags and similar tags
 * or in Harmony channels. A reply that is only reasoning, or that the model could not finish, is an error: a person
 * cannot ask for the rest of half an SMS.
 *
 * `reply` throws `ai_failed`. The error is retryable for 429, 5xx, an unreachable server, and an answer that is cut,
 * empty or not what the API promises. It is not retryable for refused credentials, an unknown model, a refused request
 * and filtered content. The server's own words are in `cause`. An aborted call throws the signal's reason.
 *
 * The API: https://platform.openai.com/docs/api-reference/chat/create
 *
 * @throws OwnlineError `invalid_options` for a missing `baseUrl`, `apiKey` or `model`, an unknown option and a value
 * out of range. The message names each one's path and remedy.
 * @example
 * ```ts
 * import { openAiCompatible } from "ownline/ai/openai-compatible";
 *
 * const ai = openAiCompatible({
 *   baseUrl: "https://api.openai.com/v1",
 *   apiKey: process.env.OPENAI_API_KEY,
 *   model: "gpt-5-mini",
 *   instructions: "You book tables. Answer in one short text.",
 * });
 * ```
 */
export function openAiCompatible(options: OpenAiCompatibleOptions): Ai {
  const given = checkedOptions(schema, options, "openAiCompatible()");
  const { model, apiKey, instructions, temperature, maxTokens, headers, extraBody } = given;
  const url = completionsUrl(given.baseUrl);

  return {
    name: model,
    async reply(turn, context): Promise<Reply> {
      const own = typeof instructions === "function" ? await instructions(turn) : instructions;
      const { system, entries } = toPrompt(turn, own);
      const body = {
        ...extraBody,
        model,
        messages: [
          ...(system === null ? [] : [{ role: "system", content: system }]),
          ...entries.map(({ role, text }) => ({ role, content: text })),
        ],
        stream: false,
        ...(temperature !== undefined && { temperature }),
        ...(maxTokens !== undefined && { max_tokens: maxTokens }),
      };
      const request: RequestInit = {
        method: "POST",
        headers: {
          "content-type": "application/json",
          accept: "application/json",
          ...(apiKey !== null && { authorization: `Bearer ${apiKey}` }),
          ...headers,
        },
        body: JSON.stringify(body),
        // A followed redirect would lose the key or turn the POST into a GET.
        redirect: "manual",
      };
      const answer = await post(given.fetch ?? fetch, url, request, context, apiKey);
      return textOf(answer);
    },
  };
}

function completionsUrl(baseUrl: string): string {
  const url = new URL(baseUrl);
  const path = url.pathname.replace(/\/+$/, "").replace(/\/chat\/completions$/, "");
  url.pathname = `${path === "" ? "/v1" : path}/chat/completions`;
  url.hash = "";
  return url.href;
}

async function post(
  fetcher: typeof fetch,
  url: string,
  request: RequestInit,
  { signal }: AiContext,
  apiKey: string | null,
): Promise<unknown> {
  try {
    signal.throwIfAborted();
    const response = await fetcher(url, { ...request, signal });
    const text = await response.text();
    const json = parsed(text);
    if (response.ok && json !== undefined && !isRecord(field(json, "error"))) return json;
    throw refused(response, json, text, apiKey);
  } catch (error) {
    if (signal.aborted) throw signal.reason;
    throw isOwnlineError(error) ? error : providerError({ cause: error });
  }
}

/**
 * The error for a failure that the server reported, by its status or, as some gateways do, in an answer with status
 * 200.
 */
function refused(response: Response, json: unknown, text: string, apiKey: string | null): OwnlineError {
  const failure = field(json, "error");
  const words = [field(failure, "message"), failure, text].find((value) => typeof value === "string") ?? "";
  const shown = String(words).slice(0, 500);
  const cause = new Error(apiKey === null ? shown : shown.replaceAll(apiKey, "[apiKey]"));
  const code = [field(failure, "code"), field(failure, "type")].find((value) => typeof value === "string");
  if (!response.ok)
    return providerError({ status: response.status, code: code === undefined ? code : String(code), cause });
  if (json === undefined) {
    const message =
      "The AI provider's answer is not JSON. Check that `baseUrl` is the API's address, not a web page's.";
    return new OwnlineError("ai_failed", message, { retryable: true, cause });
  }
  return new OwnlineError("ai_failed", "The AI provider answered with an error. The `cause` has its words.", {
    retryable: true,
    cause,
  });
}

function textOf(answer: unknown): string {
  const choices = field(answer, "choices");
  const choice: unknown = Array.isArray(choices) ? choices[0] : undefined;
  if (!isRecord(choice) || !isRecord(choice.message)) {
    throw failed(
      "The AI provider's answer has no message in it. Check that `baseUrl` is a chat completions API.",
      true,
    );
  }
  if (choice.finish_reason === "length") {
    throw failed(
      "The model ran out of tokens before its reply was complete. Raise `maxTokens`, or ask for less.",
      true,
    );
  }
  if (choice.finish_reason === "content_filter") {
    throw failed("The AI provider's content filter stopped the reply.", false);
  }
  const written = contentOf(choice.message.content).trim();
  const text = withoutMarks(withoutReasoning(written));
  if (text === "") {
    const { reasoning_content: thoughts, reasoning = thoughts } = choice.message;
    const isReasoning = written !== "" || (typeof reasoning === "string" && reasoning !== "");
    throw failed(isReasoning ? ONLY_REASONING : "The model returned an empty text.", true);
  }
  return text;
}

/**
 * The text of a content. Some servers send a list of parts instead of a string. Only text parts are used, because other
 * parts contain reasoning.
 */
function contentOf(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return "";
  return content
    .filter((part: unknown) => ["text", "output_text", undefined].some((type) => field(part, "type") === type))
    .map((part: unknown) => field(part, "text"))
    .filter((text) => typeof text === "string")
    .join("");
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller reports an answer that is not JSON.
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}

function field(value: unknown, name: string): unknown {
  return isRecord(value) ? value[name] : undefined;
}

function failed(message: string, retryable: boolean): OwnlineError {
  return new OwnlineError("ai_failed", message, { retryable });
}
