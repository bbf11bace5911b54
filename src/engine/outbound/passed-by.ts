import type { OutboundMessage } from "../../model/message.ts";
import { isMessagingService } from "../../model/phone-number.ts";
import type { UnknownState } from "../../storage/storage.ts";
import { unlessAborted } from "../support/abort.ts";
import type { EngineContext } from "../support/context.ts";

/** So long after an attempt the list is read for the first time, and so much later for the second time. */
const SETTLED_MS = 30_000;
const APART_MS = 20_000;
const MOST_REMEMBERED = 10_000;

/** Whether the provider's list, read just now without this message in it, has passed the message by. */
export type IsPassed = (
  message: OutboundMessage,
  unknown: UnknownState,
  asOf: number | null,
  signal: AbortSignal,
) => Promise<boolean>;

/**
 * For `sending.unknownEarly`: the list shows newer messages of the sender, and not this one, in two looks of this process.
 * Newer is what the provider made after the attempt was over, by its own clock. A list that cannot be read proves nothing.
 */
export function createPassed({ sending, transport }: EngineContext): IsPassed {
  /** By message and attempt, the provider's clock at the first such look. */
  const firstLooks = new Map<string, number>();
  return async ({ id, from, attempts }, unknown, asOf, signal) => {
    const startedAt = unknown.attempts.at(-1)?.startedAt;
    if (!sending.unknownEarly || asOf === null || startedAt === undefined || isMessagingService(from)) return false;
    if (unknown.forMs < SETTLED_MS || asOf < startedAt + SETTLED_MS) return false;
    const overAt = asOf - unknown.forMs;
    // The look before has reported a list that cannot be read, and the next one reports it again.
    const asked = transport.find({ from, since: overAt }).catch(() => null);
    const found = await unlessAborted(asked, signal);
    const name = `${id} ${attempts}`;
    if (found === null || !found.messages.some(({ createdAt }) => createdAt > overAt)) {
      firstLooks.delete(name);
      return false;
    }
    const firstLook = firstLooks.get(name);
    if (firstLook !== undefined && asOf - firstLook >= APART_MS) return firstLooks.delete(name);
    if (firstLooks.size >= MOST_REMEMBERED) firstLooks.clear();
    if (firstLook === undefined) firstLooks.set(name, asOf);
    return false;
  };
}
