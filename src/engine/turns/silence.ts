import type { MessageError } from "../../model/message.ts";
import type { TurnSnapshot } from "../../policy/policy.ts";
import type { TurnCommit } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";
import { fullCounter, isNews } from "../support/full-counter.ts";
import { verdictsOf } from "../support/verdicts.ts";

/** How a turn ends. */
export type Decision = Pick<TurnCommit, "outcome" | "parts" | "pause" | "supersede"> & {
  /** Why the fallback text replaces an answer that failed or was refused; `null` where it does not. */
  readonly error: MessageError | null;
  readonly reason: string | null;
};

/**
 * Asks the policies, before the AI is asked, whether the turn gets no answer. Returns `null` where it gets one.
 *
 * @throws OwnlineError `invalid_options` where a policy returns no verdict; `storage_unavailable`
 */
export async function silencedBy(context: EngineContext, turn: TurnSnapshot): Promise<Decision | null> {
  for (const policy of context.policies) {
    const [verdict] = verdictsOf(
      [policy],
      (judge) => judge.turn?.(structuredClone(turn)),
      ({ silence, counters }) => silence === true || Array.isArray(counters),
    );
    if (verdict === undefined) continue;
    if (verdict.counters === undefined) {
      notice(context, turn, `${policy.name}: ${verdict.reason}`);
      return silent(verdict.reason);
    }
    const full = await fullCounter(context, verdict.counters);
    if (full === null) continue;
    if (isNews(context, full.rule.key, full.endsInMs)) notice(context, turn, `${policy.name}: ${full.rule.reason}`);
    return silent(full.rule.reason);
  }
  return null;
}

function notice({ reporter }: EngineContext, { conversation }: TurnSnapshot, detail: string): void {
  reporter.notice({ kind: "silenced", conversationId: conversation.id, messageId: null, detail });
}

function silent(reason: string): Decision {
  return { outcome: "silent", parts: [], pause: false, supersede: false, error: null, reason };
}
