import type { Provider } from "./provider.ts";
import type { SignedText } from "./texts.ts";

/** What callers measured who posted texts. */
export interface Driven {
  /** From the post to its answer, for each text. */
  readonly acknowledgedMs: readonly number[];
  /** From the post to the provider's request with the reply, for each text; empty where none is awaited. */
  readonly repliedMs: readonly number[];
  /** All together. */
  readonly seconds: number;
}

export interface Drive {
  readonly texts: readonly SignedText[];
  /** How many post at once, each one text after the other. */
  readonly callers: number;
  /** Resolves when the text is acknowledged. */
  post(text: SignedText): Promise<void>;
  /** Where each caller waits for the reply before the next text. */
  readonly provider: Provider | null;
  /** After each text, outside the clock. */
  rest?(): Promise<unknown>;
}

/** How long nothing may happen: a reply that is never sent ends the run, instead of hanging it. */
const LONGEST_MS = 30_000;

export async function drive({ texts, callers, post, provider, rest }: Drive): Promise<Driven> {
  const acknowledgedMs: number[] = [];
  const repliedMs: number[] = [];
  let next = 0;
  const call = async () => {
    for (let text = texts[next++]; text !== undefined; text = texts[next++]) {
      const arrival = provider?.arrival(text.person);
      const before = performance.now();
      await post(text);
      acknowledgedMs.push(performance.now() - before);
      if (arrival !== undefined) {
        await arrival;
        repliedMs.push(performance.now() - before);
      }
      await rest?.();
    }
  };
  const startedAt = performance.now();
  await watched(Promise.all(Array.from({ length: callers }, call)), () => acknowledgedMs.length + repliedMs.length);
  return { acknowledgedMs, repliedMs, seconds: (performance.now() - startedAt) / 1000 };
}

async function watched(work: Promise<unknown>, progress: () => number): Promise<void> {
  let before = -1;
  let timer: NodeJS.Timeout | undefined;
  const stuck = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      if (progress() === before) reject(new Error(`Nothing was answered for ${LONGEST_MS / 1000} s.`));
      before = progress();
    }, LONGEST_MS);
  });
  try {
    await Promise.race([work, stuck]);
  } finally {
    clearInterval(timer);
  }
}
