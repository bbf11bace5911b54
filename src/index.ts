/**
 * SMS conversations between people and an AI, over a number you own.
 *
 * @packageDocumentation
 */

// For writing adapters
export type { Ai, AiContext, AiFunction, AiTurn, HistoryEntry, Reply, TooLong } from "./ai/ai.ts";
export type { AsyncDisposing } from "./async-disposing.ts";
export type { ProcessResult } from "./engine/api/engine.ts";
export type { EraseRequest } from "./engine/api/erase.ts";
export type { Explanation } from "./engine/api/explain.ts";
export type { FeedOptions } from "./engine/api/feed.ts";
export type { ChangePageInput, MessagePageInput, SendInput, SimulateInput } from "./engine/api/inputs.ts";
export type { Recovered } from "./engine/api/repair.ts";
export type { EngineClock } from "./engine/options/clock.ts";
export type {
  AnswerOptions,
  BurstOptions,
  HistoryOptions,
  OwnlineOptions,
  SendersOption,
  SendingOptions,
  SweepOptions,
  UnsafeOptions,
  WorkerOptions,
} from "./engine/options/options.ts";
export type { NoticeCounts } from "./engine/support/counts.ts";
export type { WaitUntil } from "./engine/worker/wake-ups.ts";
// Errors
export {
  type ErrorParty,
  isOwnlineError,
  type LedgerRow,
  OwnlineError,
  type OwnlineErrorCode,
  type OwnlineErrorOptions,
} from "./errors.ts";
export type { WebhookHandler } from "./http/handler.ts";
export type { Logger } from "./logger.ts";
export type { ConsentSource, ConsentState } from "./model/consent.ts";
export type { Conversation, Turn, TurnOutcome } from "./model/conversation.ts";
export type { AttemptStatus, DeliveryStatus, FinalStatus, ProviderStatus } from "./model/delivery-status.ts";

// Building blocks
export { hasLeft, isFinal } from "./model/delivery-status.ts";
export type { ConsentEvent, Notice, NoticeKind, OwnlineEvents, TurnEvent } from "./model/events.ts";
export type {
  InboundMessage,
  InboundOrigin,
  Media,
  Message,
  MessageError,
  Origin,
  OutboundMessage,
  OutboundOrigin,
} from "./model/message.ts";
export { maskAddress, normalizeAddress } from "./model/phone-number.ts";
export type { SenderAddress, SenderConfig, SenderDirectory, SenderInput, SenderResolver } from "./model/sender.ts";
// Everyday
export { type Ownline, ownline } from "./ownline.ts";
export type * from "./policy/policy.ts";
export type * from "./queue/queue.ts";
export type * from "./storage/storage.ts";
export type * from "./transport/transport.ts";
