/**
 * Every code an {@link OwnlineError} can carry. The set is closed: a switch over it is complete.
 *
 * - Caller: `invalid_options`, `invalid_address`, `invalid_message`, `unknown_sender`, `sender_required`,
 *   `sender_as_participant`, `opted_out`, `erased`, `key_reused`, `not_found`, `invalid_state`, `aborted`
 * - Transport: `transport_rejected`, `transport_unavailable`, `webhook_rejected`
 * - AI: `ai_failed`, `ai_timeout`
 * - Storage: `storage_unavailable`, `storage_unsupported`, `storage_unmigrated`, `storage_corrupt`; `storage_clock`,
 *   never thrown: emitted by the `error` event
 * - Queue: `queue_unavailable`, never thrown: emitted by the `error` event
 */
export type OwnlineErrorCode =
  | "invalid_options"
  | "invalid_address"
  | "invalid_message"
  | "unknown_sender"
  | "sender_required"
  | "sender_as_participant"
  | "opted_out"
  | "erased"
  | "key_reused"
  | "not_found"
  | "invalid_state"
  | "aborted"
  | "transport_rejected"
  | "transport_unavailable"
  | "webhook_rejected"
  | "ai_failed"
  | "ai_timeout"
  | "storage_unavailable"
  | "storage_unsupported"
  | "storage_unmigrated"
  | "storage_corrupt"
  | "storage_clock"
  | "queue_unavailable";

/**
 * Who must act: the code that called ownline, the transport to the provider, the AI provider, the storage or the queue.
 */
export type ErrorParty = "caller" | "transport" | "ai" | "storage" | "queue";

/** A row of the ledger that cannot be used, for the operator who repairs it. */
export interface LedgerRow {
  /** The table, for example `messages`: its name in the database, without `ownline_`. */
  readonly table: string;
  /** The fields of its primary key, with a space between them. Numbers in E.164 are masked in it. */
  readonly id: string;
  /** The column, or MongoDB's field, that contains a value that ownline never writes. */
  readonly column: string;
  /** The conversation that waits for the repair; `null` where it is not known, or where no conversation waits. */
  readonly conversationId: string | null;
}

export interface OwnlineErrorOptions {
  /** The first error, which led to this one. @default none */
  readonly cause?: unknown;
  /** Whether the same call may succeed later without any change. @default false */
  readonly retryable?: boolean;
  /** The provider's own code, for example Twilio's `21610`. @default none */
  readonly providerCode?: number;
  /** The id of the message that the error is about. @default none */
  readonly messageId?: string;
  /** The row of the ledger that the error is about. @default none */
  readonly row?: LedgerRow;
}

const BRAND = Symbol.for("ownline.error");

/** The first word of a code says who must act. With any other first word, the caller must act. */
const PARTIES: Readonly<Record<string, ErrorParty>> = {
  transport: "transport",
  webhook: "transport",
  ai: "ai",
  storage: "storage",
  queue: "queue",
};

/**
 * The one error that ownline throws. The message says who must do what. It never contains a phone number, a text or a
 * secret, so it may be logged.
 *
 * Recognise it with {@link isOwnlineError}, not `instanceof`: the ESM build and the CJS build each have their own
 * class.
 */
export class OwnlineError extends Error {
  override readonly name = "OwnlineError";
  readonly code: OwnlineErrorCode;
  readonly party: ErrorParty;
  readonly retryable: boolean;
  readonly providerCode: number | undefined;
  /** With `key_reused`: the message that was first recorded under the key. */
  readonly messageId: string | undefined;
  /** With `storage_corrupt`: the row that an operator must repair. */
  readonly row: LedgerRow | undefined;

  constructor(code: OwnlineErrorCode, message: string, options: OwnlineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.party = PARTIES[code.split("_", 1).join()] ?? "caller";
    this.retryable = options.retryable ?? false;
    this.providerCode = options.providerCode;
    this.messageId = options.messageId;
    this.row = options.row;
    Object.defineProperty(this, BRAND, { value: true });
  }
}

/**
 * Whether a value is an {@link OwnlineError} of any copy of ownline in the process: of any entry, ESM or CJS.
 *
 * @example
 * ```ts
 * import { isOwnlineError } from "ownline";
 *
 * const error: unknown = new Error("boom");
 * if (isOwnlineError(error) && error.code === "opted_out") console.log("nothing was sent");
 * ```
 */
export function isOwnlineError(value: unknown): value is OwnlineError {
  return typeof value === "object" && value !== null && BRAND in value;
}
