import type { EngineClock } from "../engine/options/clock.ts";

/** One piece of an event stream, https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
export interface ServerEvent {
  /**
   * The position that the reader sends as `Last-Event-ID` when it reconnects. Without an id, the reader keeps the last
   * one.
   */
  readonly id?: string;
  /** Left out where the piece changes only the id. */
  readonly event?: string;
  /** Plain data, written as one line of JSON. */
  readonly data?: unknown;
}

export interface EventStreamOptions {
  readonly heartbeatMs: number;
  readonly clock: EngineClock;
  /** Aborted when the reader has disconnected, or when the stream must end. */
  readonly gone: AbortController;
  /** Is called with the error that the events threw. The stream then ends, and its reader reconnects. */
  failed(error: unknown): void;
}

/** How long a reader waits before it reconnects. */
const RETRY_MS = 2000;
const HEARTBEAT = ":\n\n";

/**
 * The bytes of an event stream. It asks `events` for the next event only when the reader has taken the one before.
 * While no event comes, it writes a comment every `heartbeatMs`. When the reader disconnects, it aborts `gone` and
 * calls `return` of `events`.
 */
export function eventStream(
  events: AsyncIterator<ServerEvent, void, void>,
  options: EventStreamOptions,
): ReadableStream<Uint8Array> {
  const { heartbeatMs, clock, gone, failed } = options;
  const encoder = new TextEncoder();
  let asking = false;
  let answer: IteratorResult<ServerEvent, void> | null = null;
  let wake = (): void => {};

  const ask = async (): Promise<void> => {
    asking = true;
    try {
      answer = await events.next();
    } catch (error) {
      // After the abort, the events may throw, and no client is left to get the error.
      if (!gone.signal.aborted) failed(error);
      answer = { done: true, value: undefined };
    }
    asking = false;
    wake();
  };
  const leave = (): void => {
    gone.abort();
    events.return?.().catch(() => {});
  };

  return new ReadableStream<Uint8Array>(
    {
      start(controller) {
        gone.signal.addEventListener("abort", () => wake(), { once: true });
        // The answer's head leaves together with its first bytes. So the reader knows at once that it is connected.
        controller.enqueue(encoder.encode(`retry: ${RETRY_MS}\n\n`));
      },
      async pull(controller) {
        if (!asking && answer === null) void ask();
        if (answer === null && !gone.signal.aborted) {
          const woken = new AbortController();
          wake = () => woken.abort();
          await clock.sleep(heartbeatMs, { signal: woken.signal });
        }
        if (gone.signal.aborted || answer?.done) {
          leave();
          controller.close();
          return;
        }
        controller.enqueue(encoder.encode(answer === null ? HEARTBEAT : written(answer.value)));
        answer = null;
      },
      cancel: leave,
    },
    { highWaterMark: 0 },
  );
}

function written({ id, event, data }: ServerEvent): string {
  const lines = [
    ...(id === undefined ? [] : [`id: ${id}`]),
    ...(event === undefined ? [] : [`event: ${event}`, `data: ${JSON.stringify(data)}`]),
  ];
  return `${lines.join("\n")}\n\n`;
}
