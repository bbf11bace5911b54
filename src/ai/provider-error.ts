import { OwnlineError } from "../errors.ts";

export interface ProviderFailure {
  /** The HTTP status; left out where there was no answer. */
  readonly status?: number | undefined;
  /** The AI provider's code, for example `insufficient_quota`. It is shown only if it is one plain word. */
  readonly code?: string | undefined;
  /** Replaces what follows from the status. */
  readonly retryable?: boolean | undefined;
  readonly cause?: unknown;
}

/** An AI provider's failure as an `ai_failed` error, with a remedy. */
export function providerError({ status, code, retryable, cause }: ProviderFailure): OwnlineError {
  const word = code !== undefined && /^[\w.-]{1,60}$/.test(code) ? code : undefined;
  const [what, mayHeal] = diagnose(status, word);
  const details = [status === undefined ? undefined : `HTTP ${status}`, word].filter((part) => part !== undefined);
  const [first, remedy] = what;
  const message = `${first}${details.length > 0 ? ` (${details.join(", ")})` : ""}. ${remedy}`;
  return new OwnlineError("ai_failed", message, { retryable: retryable ?? mayHeal, cause });
}

function diagnose(status: number | undefined, code: string | undefined): [readonly [string, string], boolean] {
  if (code === "insufficient_quota" || status === 402) {
    return [["The AI provider's account has no credit left", "Top it up, or raise its spending limit."], false];
  }
  if (status === undefined) {
    return [["The AI provider could not be reached", "Check the base URL and the network if it stays so."], true];
  }
  if (status === 401 || status === 403) {
    return [["The AI provider refused the credentials", "Check the API key, and that it may use this model."], false];
  }
  if (status === 404) {
    return [["The AI provider does not know this address or model", "Check the base URL and the model's name."], false];
  }
  if (status === 429) {
    return [["The AI provider is limiting requests", "Raise the account's limit if this happens often."], true];
  }
  if (status >= 300 && status < 400) {
    return [["The AI provider's address redirects", "Use the address that it redirects to as the base URL."], false];
  }
  if (status >= 500 || status === 408 || status === 409 || status === 425) {
    return [["The AI provider failed", "It may do better later."], true];
  }
  return [["The AI provider refused the request", "The error's `cause` has its answer."], false];
}
