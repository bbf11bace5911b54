import type { Provider } from "./provider.ts";
import type { SignedText } from "./texts.ts";

/** The measurements of callers that post texts. */
export interface Driven {
  /** For each text, the time from the post to its answer. */
  readonly acknowledgedMs: readonly number[];
  /**
   * For each text, the time from the post to the provider's request with the reply; empty where no reply is awaited.
   */
  readonly repliedMs: readonly number[];
  /** The time of all texts together. */
  readonly seconds: number;
}

export interface Drive {
  readonly texts: readonly SignedText[];
  /** The number of callers at once. Each posts one text after the other. */
  readonly callers: number;
  /** Resolves when the text is acknowledged. */
  post(text: SignedText): Promise<void>;
  /** Resolves when the reply has come. The caller then posts its next text. */
  readonly provider: Provider | null;
  /** Called after each text; its time is not measured. */
  rest?(): Promise<unknown>;
}

/** After this time without an answer the run ends. So a reply that is never sent does not make it hang. */
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
