import type { CheckedAi } from "../../ai/reply.ts";
import type { OwnlineError } from "../../errors.ts";
import type { ConsentEvent, Notice, OwnlineEvents, TurnEvent } from "../../model/events.ts";
import type { Message, OutboundMessage } from "../../model/message.ts";
import { maskAddress } from "../../model/phone-number.ts";
import type { Policy } from "../../policy/policy.ts";
import { describeFully, describeSafely } from "../../redact.ts";
import type { ConsentKeys } from "../../storage/storage.ts";
import type { EngineOptions } from "../options/parse-options.ts";
import type { ConsentFiling, ConsentWhere } from "./consent-key.ts";
import type { ContentDigest } from "./content.ts";
import type { SenderBook } from "./senders.ts";

/**
 * What the engine's parts share: the options, the senders, the policies and the reporter. `engine.ts` makes it once.
 */
export interface EngineContext extends Omit<EngineOptions, "ai" | "senders"> {
  readonly ai: CheckedAi;
  readonly senders: SenderBook;
  readonly policies: readonly Policy[];
  readonly workerId: string;
  readonly reporter: Reporter;
  /** The key of a person's counters. The first call opens the ledger. */
  readonly consentKey: ConsentFiling["key"];
  /** The keys under which a person's consent is stored and read. The first call opens the ledger. */
  consents(where: ConsentWhere): Promise<ConsentKeys>;
  readonly contentDigest: ContentDigest;
}

/** Calls listeners, and writes the log. Never throws, because a listener's error must not affect a turn. */
export interface Reporter {
  message(message: Message): void;
  status(message: OutboundMessage): void;
  turn(turn: TurnEvent): void;
  consent(change: ConsentEvent): void;
  notice(notice: Notice): void;
  /**
   * `texts` are the numbers and texts of the turn. Where they are given, the log describes the cause without them. Only
   * the `debug` level shows all fields of the cause.
   */
  error(error: OwnlineError, texts?: readonly string[]): void;
}

export type Emit = <Name extends keyof OwnlineEvents>(name: Name, ...args: Parameters<OwnlineEvents[Name]>) => void;

/** Notices that are logged as warnings, so that an operator sees them even without a listener. */
const LOUD: ReadonlySet<Notice["kind"]> = new Set([
  "held",
  "unknown",
  "resent",
  "dropped",
  "swept",
  "not-swept",
  "duplicate",
  "failed",
  "not-answered",
  "silenced",
]);

export function createReporter(emit: Emit, options: Pick<EngineOptions, "logger" | "transport">): Reporter {
  const { logger } = options;
  const provider = options.transport.name.charAt(0).toUpperCase() + options.transport.name.slice(1);
  return {
    message(message) {
      if (message.direction === "inbound") {
        const who = maskAddress(message.from);
        logger.info(
          message.origin === "simulated"
            ? `User message stored (simulated as incoming from ${who} to ${maskAddress(message.to)})`
            : `SMS received from ${who}`,
        );
        logger.debug(`inbound ${message.id} from ${message.from} to ${message.to}: ${JSON.stringify(message.body)}`);
      } else {
        logger.debug(`outbound ${message.id} (${message.origin}) to ${message.to}: ${JSON.stringify(message.body)}`);
      }
      emit("message", message);
    },
    status(message) {
      if (message.status === "accepted" && message.providerMessageIds.length > 0) {
        const author = message.origin === "ai" ? "AI SMS" : "SMS";
        logger.info(
          `${author} sent via ${provider}: ${message.providerMessageIds[message.providerMessageIds.length - 1]}`,
        );
      }
      emit("status", message);
    },
    turn(turn) {
      logger.debug(`turn ${turn.turnId} ${turn.outcome}${turn.reason === null ? "" : `: ${turn.reason}`}`);
      emit("turn", turn);
    },
    consent(change) {
      logger.info(`a person ${change.state === "opted-out" ? "opted out" : "opted in"} (${change.source})`);
      emit("consent", change);
    },
    notice(notice) {
      const subject = notice.messageId ?? notice.conversationId;
      logger[LOUD.has(notice.kind) ? "warn" : "info"](
        `${notice.kind}${subject === null ? "" : ` ${subject}`}: ${notice.detail}`,
      );
      emit("notice", notice);
    },
    error(error, texts) {
      const why = texts === undefined || error.cause === undefined ? "" : describeSafely(error.cause, texts);
      logger.error(`${error.code}: ${error.message}${why === "" ? "" : `\ncaused by ${why}`}`);
      if (error.cause !== undefined) logger.debug(`caused by ${describeFully(error.cause)}`);
      emit("error", error);
    },
  };
}

/** Reports messages that were stopped before they left. */
export function reportCancelled(reporter: Reporter, messages: readonly OutboundMessage[]): void {
  for (const message of messages) {
    reporter.status(message);
    reporter.notice({
      kind: "cancelled",
      conversationId: message.conversationId,
      messageId: message.id,
      detail: message.error?.reason ?? "cancelled",
    });
  }
}
