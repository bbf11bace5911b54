import { fromFunction } from "./ai/function.ts";
import type { AsyncDisposing } from "./async-disposing.ts";
import { createEngine, type Engine } from "./engine/api/engine.ts";
import type { OwnlineOptions, SendersOption } from "./engine/options/options.ts";
import { parseOptions } from "./engine/options/parse-options.ts";
import { createHandler, type WebhookHandler } from "./http/handler.ts";
import { loopGuard } from "./policy/loop-guard.ts";
import { optOut } from "./policy/opt-out.ts";
import type { Policy } from "./policy/policy.ts";

/** SMS conversations between people and an AI, over a number you own. Made by {@link ownline}. */
export interface Ownline<Senders extends SendersOption = SendersOption>
  extends Omit<Engine<Senders>, "receiveWebhook" | "receiveStatus">,
    AsyncDisposing {
  /**
   * Answers all requests of the provider to the transport's `webhookUrl`: texts, status callbacks, fallbacks. It takes
   * a Web `Request` and returns a `Response` after the commit. Pass the runtime's context where it has one (Workers):
   * due work is then done after the answer. The ledger does not depend on that.
   */
  readonly fetch: WebhookHandler;
}

/**
 * Makes SMS conversations between people and an AI. A person types in the app, or texts to your number. ownline stores
 * the text, and the AI answers with a real SMS from your number to the person's phone. A person's number never becomes
 * a sender.
 *
 * Opt-out and loop guard are on. ownline sends and stores nothing before the first call. Long-lived processes call
 * `start()`, serverless functions call `processDue()`.
 *
 * @throws OwnlineError `invalid_options` that names every mistake with its path and the remedy
 * @example
 * ```ts
 * import { ownline } from "ownline";
 * import { offline } from "ownline/ai/offline";
 * import { memory } from "ownline/storage/memory";
 * import { twilio } from "ownline/transport/twilio";
 *
 * const sms = ownline({
 *   senders: ["+15703251809"],
 *   transport: twilio({
 *     accountSid: process.env.TWILIO_ACCOUNT_SID,
 *     authToken: process.env.TWILIO_AUTH_TOKEN,
 *     webhookUrl: "https://example.com/api/webhooks/sms",
 *   }),
 *   storage: memory(),
 *   ai: offline(),
 * });
 * await sms.start();
 * ```
 */
export function ownline<const Senders extends SendersOption>(options: OwnlineOptions<Senders>): Ownline<Senders> {
  const parsed = parseOptions(options);
  const engine = createEngine<Senders>(parsed, fromFunction(parsed.ai), withDefaults(parsed.policies, parsed.unsafe));
  const { receiveWebhook, receiveStatus, ...face } = engine;
  return {
    ...face,
    fetch: createHandler(parsed.transport, { receiveWebhook, receiveStatus }, parsed.logger),
    [Symbol.asyncDispose]: face.close,
  };
}

/**
 * Adds the default policies, except those that a given policy of the same name replaces or that `unsafe` switches off.
 */
function withDefaults(
  given: readonly Policy[],
  unsafe: { withoutOptOut: boolean; withoutLoopGuard: boolean },
): readonly Policy[] {
  const named = new Set(given.map((policy) => policy.name));
  const defaults = [...(unsafe.withoutOptOut ? [] : [optOut()]), ...(unsafe.withoutLoopGuard ? [] : [loopGuard()])];
  return [...defaults.filter((policy) => !named.has(policy.name)), ...given];
}
