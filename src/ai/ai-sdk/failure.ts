import { APICallError, LoadAPIKeyError, NoSuchModelError, RetryError } from "ai";
import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { providerError } from "../provider-error.ts";

/** The name of an error of the SDK. Older versions do not export the class of each error. */
const TOOL_CHOICE_VIOLATION = "AI_ToolChoiceViolationError";
/** Mistakes in the call, with which the same call fails again. */
const MISTAKES: ReadonlySet<string> = new Set([
  "AI_InvalidArgumentError",
  "AI_InvalidPromptError",
  "AI_InvalidMessageRoleError",
  "AI_LoadSettingError",
  "AI_MissingToolResultsError",
  "AI_NoSuchProviderError",
  "AI_UnsupportedFunctionalityError",
  "AI_UnsupportedModelVersionError",
]);

/**
 * An error of the SDK as an `OwnlineError` with a remedy. An `OwnlineError` stays as it is. An error that would come
 * again for the same call is not retryable.
 */
export function failureOf(error: unknown, isModelId: boolean): OwnlineError {
  if (isOwnlineError(error)) return error;
  const last = lastOf(error);
  if (APICallError.isInstance(last)) {
    return providerError({ status: last.statusCode, retryable: last.isRetryable, cause: error });
  }
  if (isCalled(last, "GatewayAuthenticationError")) {
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
    return failed("The AI provider does not know this model. Check the model's name.", false, error);
  }
  if (last instanceof Error && (last.name === "TimeoutError" || last.name === "AbortError")) {
    const message = "The AI took longer than the `timeout` that aiSdk() was given.";
    return new OwnlineError("ai_timeout", message, { retryable: true, cause: error });
  }
  if (isCalled(last, TOOL_CHOICE_VIOLATION)) {
    const isLastStep = typeOfToolChoice(last) === "none";
    return isLastStep
      ? failed(
          "The model called a tool in the step without tools, so it wrote no reply. Let `stopWhen` allow more steps, or use a model that obeys `toolChoice`.",
          false,
          error,
        )
      : failed("The model did not call the tool that `toolChoice` demands.", true, error);
  }
  if (last instanceof Error && MISTAKES.has(last.name)) {
    const message = `The AI SDK refused the call (${last.name}), and would refuse it again. Correct the mistake that the error's \`cause\` names, in the options of aiSdk() or in the model.`;
    return failed(message, false, error);
  }
  return failed("The AI SDK failed. The error's `cause` says why.", true, error);
}

/** Makes an `ai_failed` error. */
export function failed(message: string, retryable: boolean, cause?: unknown): OwnlineError {
  return new OwnlineError("ai_failed", message, { retryable, cause });
}

/**
 * Whether the same request may succeed without its pictures: the provider refused it, or a picture could not be
 * fetched.
 */
export function mayBePictures(error: unknown): boolean {
  const last = lastOf(error);
  if (APICallError.isInstance(last)) {
    const { statusCode = 0 } = last;
    return (
      statusCode === 500 ||
      (statusCode >= 400 && statusCode < 500 && ![401, 402, 403, 404, 408, 429].includes(statusCode))
    );
  }
  if (isOwnlineError(last) || LoadAPIKeyError.isInstance(last) || NoSuchModelError.isInstance(last)) return false;
  return !(last instanceof Error && NO_PICTURES.has(last.name));
}

const NO_PICTURES: ReadonlySet<string> = new Set([
  "TimeoutError",
  "AbortError",
  "GatewayAuthenticationError",
  TOOL_CHOICE_VIOLATION,
]);

function isCalled(error: unknown, name: string): error is Error {
  return error instanceof Error && error.name === name;
}

/** The type of the `toolChoice` that the model violated, as the SDK's error names it. */
function typeOfToolChoice(violation: Error): unknown {
  const choice: unknown = Reflect.get(violation, "toolChoice");
  return typeof choice === "object" && choice !== null ? Reflect.get(choice, "type") : choice;
}

/** The last error. The SDK's own retries wrap it. */
function lastOf(error: unknown): unknown {
  return RetryError.isInstance(error) ? error.lastError : error;
}
