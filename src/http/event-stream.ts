import type { EngineClock } from "../engine/options/clock.ts";

/** One piece of an event stream, https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream */
export interface ServerEvent {
  /** What the reader repeats as `Last-Event-ID` when it comes back. Without it, the last one stands. */
  readonly id?: string;
  /** Left out where the piece moves only the id. */
  readonly event?: string;
  /** Plain data, written as one line of JSON. */
  readonly data?: unknown;
}

export interface EventStreamOptions {
  readonly heartbeatMs: number;
  readonly clock: EngineClock;
  /** The reader has gone, or is to go. */
  readonly gone: AbortController;
  /** Hears what the events threw; the stream ends then, and its reader comes back. */
  failed(error: unknown): void;
}

/** How long a reader waits before it comes back. */
const RETRY_MS = 2000;
const HEARTBEAT = ":\n\n";

/**
 * The bytes of an event stream. Nothing is asked of `events` before the reader has taken what there is; where nothing
 * happens, a comment goes out every `heartbeatMs`. When the reader leaves, `gone` is aborted and `events` returned.
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
      // A client that has gone gets no error; the events may break where they are called off.
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
        // The answer's head leaves with its first bytes: the reader learns at once that it is connected.
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
