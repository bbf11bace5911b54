import type { Message } from "../../model/message.ts";
import type { EngineContext } from "../support/context.ts";
import { newWakeUp, type WakeUp } from "../worker/wake-ups.ts";

export interface FeedOptions {
  readonly conversationId: string;
  /** The position that the reader has seen: a `seq` or `changedSeq`; 0 for everything. @default 0 */
  readonly after?: number;
  /** Ends the feed. Without a signal, the feed ends when the reader leaves its loop. @default none */
  readonly signal?: AbortSignal;
}

export interface Feed {
  /** Wakes the readers of a conversation that this process has changed. */
  changed(conversationId: string): void;
  read(options: FeedOptions): AsyncGenerator<Message, void, void>;
}

export interface FeedParts extends Pick<EngineContext, "storage" | "clock" | "worker"> {
  /** Reports messages that were left out because their rows cannot be read. */
  report(): void;
}

const PAGE = 100;

/**
 * Follows conversations in the ledger. A reader gets the changes of this process at once. It finds the changes of other
 * processes by a look every `pollMs`.
 */
export function createFeed(context: FeedParts): Feed {
  const followed = new Map<string, { readonly wakeUp: WakeUp; readers: number }>();

  return {
    changed(conversationId) {
      followed.get(conversationId)?.wakeUp.notify();
    },
    async *read({ conversationId, after = 0, signal }) {
      const ended = () => signal?.aborted ?? false;
      const entry = followed.get(conversationId) ?? { wakeUp: newWakeUp(), readers: 0 };
      followed.set(conversationId, entry);
      entry.readers += 1;
      let position = after;
      try {
        while (!ended()) {
          const since = entry.wakeUp.count;
          const page = await context.storage.changes({ conversationId, after: position, limit: PAGE });
          context.report();
          for (const message of page) {
            if (ended()) return;
            position = message.changedSeq;
            yield message;
          }
          if (page.length < PAGE) await entry.wakeUp.wait(context.clock, context.worker.pollMs, { since, signal });
        }
      } finally {
        entry.readers -= 1;
        if (entry.readers === 0) followed.delete(conversationId);
      }
    },
  };
}
