import type { OutboundMessage } from "../../model/message.ts";
import { isMessagingService } from "../../model/phone-number.ts";
import type { UnknownState } from "../../storage/storage.ts";
import type { FoundMessages } from "../../transport/transport.ts";
import { unlessAborted } from "../support/abort.ts";
import type { EngineContext } from "../support/context.ts";
import { listTrouble } from "../support/provider-list.ts";

/** The least time between an attempt and the first read of the list, and between the first and the second read. */
const SETTLED_MS = 30_000;
const APART_MS = 20_000;
const MOST_REMEMBERED = 10_000;

/**
 * Whether the provider's list shows newer messages of the sender. The caller has just read the list, and this message
 * was not in it.
 */
export type IsPassed = (
  message: OutboundMessage,
  unknown: UnknownState,
  asOf: number | null,
  signal: AbortSignal,
) => Promise<boolean>;

/**
 * The check for `sending.unknownEarly`: in two reads by this process, the list shows newer messages of the sender, and
 * not this one. A message is newer where the provider made it after the attempt was over, by the provider's clock. A
 * list that cannot be read proves nothing. It is reported once for each sender, until it can be read again.
 */
export function createPassed({ sending, transport, reporter }: EngineContext): IsPassed {
  /** The provider's time at the first such read, by message and attempt. */
  const firstLooks = new Map<string, number>();
  /** The senders whose list cannot be read. */
  const unreadable = new Set<string>();

  const newerOf = async (from: string, since: number, signal: AbortSignal): Promise<FoundMessages | null> => {
    try {
      const found = await unlessAborted(transport.find({ from, since }), signal);
      unreadable.delete(from);
      return found;
    } catch (error) {
      if (!unreadable.has(from)) reporter.error(listTrouble(transport.name, error));
      unreadable.add(from);
      return null;
    }
  };

  return async ({ id, from, attempts }, unknown, asOf, signal) => {
    const startedAt = unknown.attempts.at(-1)?.startedAt;
    if (!sending.unknownEarly || asOf === null || startedAt === undefined || isMessagingService(from)) return false;
    if (unknown.forMs < SETTLED_MS || asOf < startedAt + SETTLED_MS) return false;
    const overAt = asOf - unknown.forMs;
    const found = await newerOf(from, overAt, signal);
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
