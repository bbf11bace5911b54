import { OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import type { OutboundMessage } from "../../model/message.ts";
import { type EngineContext, reportCancelled } from "../support/context.ts";
import { firstTime } from "../support/problems.ts";
import { retrying } from "../support/retrying.ts";
import { UNJUDGED } from "./attempt.ts";

/**
 * How long no process works on a message or turn whose line this process does not know. After the same time again, it
 * is due for this process too.
 */
export const SET_ASIDE_MS: number = 30_000;

/**
 * Messages and turns in this process's scope whose sender is not one of its senders: two services share a scope by
 * mistake, or the sender was removed. This process does not answer or send them. A process that knows the sender does.
 */
export interface UnknownLines {
  /**
   * Whether a number, or else the line that it belongs to, is one of this process's senders.
   *
   * @throws OwnlineError `invalid_options` where the caller's resolver of senders fails
   */
  isKnown(sender: string, line: string): Promise<boolean>;
  /** Reports a line, once and not at every look. `what` names the message or the turn that waits. */
  report(line: string, what: string): void;
  /**
   * Leaves a message to other processes, and reports its line. Returns whether the message had expired and was
   * cancelled.
   */
  setAside(message: OutboundMessage, line: string, signal: AbortSignal): Promise<boolean>;
}

export function createUnknownLines(context: EngineContext): UnknownLines {
  const { storage, senders, scope, reporter, worker } = context;
  const isNew = firstTime();

  const report = (line: string, what: string): void => {
    if (!isNew(line)) return;
    reporter.error(
      new OwnlineError(
        "unknown_sender",
        `${what}: its sender is not one of this process's senders, so this process does nothing about it and leaves it to others for a minute at a time. If two services share this ledger, name each: ownline({ scope: "…" }); both use the scope "${scope}" now. If the number is this service's, add it to senders again; otherwise what waits to be sent is cancelled at its expiry (options.sending.expiryMs)`,
      ),
    );
  };

  return {
    async isKnown(sender, line) {
      return (await senders.routeInbound(sender, line)) !== null;
    },
    report,
    async setAside(message, line, signal) {
      report(line, `message ${message.id} waits`);
      const callId = newId("o");
      const claimed = await retrying(context, { signal }, () =>
        storage.claimSend({
          callId,
          scope,
          workerId: context.workerId,
          leaseMs: worker.leaseMs,
          outboundId: message.id,
          orderWaitMs: context.sending.orderWaitMs,
          expiryMs: context.sending.expiryMs,
          conditions: UNJUDGED,
          setAsideMs: SET_ASIDE_MS,
        }),
      );
      if (claimed.outcome !== "cancelled") return false;
      reportCancelled(reporter, claimed.messages);
      return true;
    },
  };
}
