import type { ModelMessage } from "ai";

/** How much is kept of turns that failed, and of refused pictures. */
const MOST_REMEMBERED = 500;

/** How far the tools of a turn came before it failed. */
interface Progress {
  /** The calls of tools and their results, after the conversation. */
  readonly messages: readonly ModelMessage[];
  /** The tools have had all their steps. */
  readonly isLast: boolean;
}

/** What `aiSdk()` remembers in this process from one run to the next. Bounded: the oldest entries go first. */
export interface Memory {
  /** Addresses of pictures that the provider refused: they are described from then on. */
  readonly refusedPictures: ReadonlySet<string>;
  refusePictures(urls: readonly string[]): void;
  /** What tools did in a turn that failed afterwards: another run goes on from there, so that they do not act again. */
  progressOf(turnId: string): Progress | undefined;
  keepProgress(turnId: string, progress: Progress): void;
  forgetProgress(turnId: string): void;
}

/** Makes an empty memory. */
export function createMemory(): Memory {
  const refused = new Set<string>();
  const done = new Map<string, Progress>();
  return {
    refusedPictures: refused,
    refusePictures(urls) {
      for (const url of urls) refused.add(url);
      for (const url of refused) if (refused.size > MOST_REMEMBERED) refused.delete(url);
    },
    progressOf: (turnId) => done.get(turnId),
    keepProgress(turnId, progress) {
      done.delete(turnId);
      done.set(turnId, progress);
      const [oldest] = done.keys();
      if (done.size > MOST_REMEMBERED && oldest !== undefined) done.delete(oldest);
    },
    forgetProgress: (turnId) => void done.delete(turnId),
  };
}
