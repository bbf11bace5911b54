import { APICallError, LoadAPIKeyError, NoSuchModelError, RetryError } from "ai";
import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { providerError } from "../provider-error.ts";

/** What the SDK threw, as an error of ours with a remedy. An error of ours stays as it is. */
export function failureOf(error: unknown, isModelId: boolean): OwnlineError {
  if (isOwnlineError(error)) return error;
  const last = lastOf(error);
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

/** An `ai_failed`. */
export function failed(message: string, retryable: boolean, cause?: unknown): OwnlineError {
  return new OwnlineError("ai_failed", message, { retryable, cause });
}

/** Whether the same request may do without its pictures: it was refused as it is, or a picture could not be had. */
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
  return !(last instanceof Error && ["TimeoutError", "AbortError", "GatewayAuthenticationError"].includes(last.name));
}

/** The SDK's own retries wrap what failed last. */
function lastOf(error: unknown): unknown {
  return RetryError.isInstance(error) ? error.lastError : error;
}
