import type { Mutable } from "./held.ts";
import type { MessageRow } from "./rows.ts";

/*
 * The two directions of a message. A row holds the fields of both; those of the other direction may be `null`.
 */

/** Fields that every inbound message has. */
const OF_INBOUND = ["needsAnswer", "occurredAt", "key"] as const;

/** Fields that every outbound message has, besides its status. */
const OF_OUTBOUND = [
  "groupId",
  "part",
  "parts",
  "attempts",
  "providerMessageIds",
  "encoding",
  "segments",
  "expiresAt",
  "notBefore",
  "orderUntil",
] as const;

type With<Field extends keyof MessageRow> = Mutable<Omit<MessageRow, Field>> & {
  [F in Field]: NonNullable<MessageRow[F]>;
};

/** The row of an inbound message. */
export type Inbound = With<(typeof OF_INBOUND)[number]>;

/** The row of an outbound message. */
export type Outbound = With<(typeof OF_OUTBOUND)[number] | "status">;

export function isOutbound(row: Mutable<MessageRow>): row is Outbound {
  return row.status !== null;
}

export function isInbound(row: Mutable<MessageRow>): row is Inbound {
  return row.status === null;
}

/** The first field of a message that does not fit its direction; `null` if all fields fit. */
export function oddFieldOf(row: MessageRow): keyof MessageRow | null {
  if (isInbound(row) !== (row.origin === "webhook" || row.origin === "simulated")) return "origin";
  const fields: readonly (keyof MessageRow)[] = row.status === null ? OF_INBOUND : OF_OUTBOUND;
  return fields.find((field) => row[field] === null) ?? null;
}
