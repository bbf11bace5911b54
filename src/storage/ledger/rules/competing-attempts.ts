import type { AttemptRow, MessageRow } from "../rows.ts";

/*
 * Which attempts may have made one entry of the provider's list: those of messages with the same content whose
 * outcome is not known.
 */

/** Whether two messages cannot be told apart in the provider's list. */
export function hasSameContent(one: MessageRow, other: MessageRow): boolean {
  if (one.body !== other.body || one.media.length !== other.media.length) return false;
  return one.media.every(({ url, contentType }, at) => {
    return url === other.media[at]?.url && contentType === other.media[at]?.contentType;
  });
}

/**
 * Whether the outcome of an attempt is not known. An auto-reply in `sending` does not count, because it leaves in the
 * webhook's response.
 */
export function isUnsettled({ status }: AttemptRow, message: MessageRow): boolean {
  if (status === "unknown") return true;
  return status === "sending" && message.status === "sending" && message.origin !== "auto-reply";
}
