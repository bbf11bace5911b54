/**
 * SMS conversations between people and an AI, over a number you own.
 *
 * @packageDocumentation
 */

// For writing adapters
export type { Ai, AiContext, AiFunction, AiTurn, HistoryEntry, Reply, TooLong } from "./ai/ai.ts";
export type { AsyncDisposing } from "./async-disposing.ts";
export type { EngineClock } from "./engine/clock.ts";
export type { ProcessResult } from "./engine/engine.ts";
export type { EraseRequest } from "./engine/erase.ts";
export type { Explanation } from "./engine/explain.ts";
export type { FeedOptions } from "./engine/feed.ts";
export type { ChangePageInput, MessagePageInput, SendInput, SimulateInput } from "./engine/inputs.ts";
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
} from "./engine/options.ts";
export type { Recovered } from "./engine/repair.ts";
export type { NoticeCounts } from "./engine/tally.ts";
export type { WaitUntil } from "./engine/wait-until.ts";
// Errors
export {
  type ErrorParty,
  isOwnlineError,
  type LedgerRow,
  OwnlineError,
  type OwnlineErrorCode,
  type OwnlineErrorOptions,
} from "./errors.ts";
export type { HandlerContext, WebhookHandler } from "./http/handler.ts";
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
