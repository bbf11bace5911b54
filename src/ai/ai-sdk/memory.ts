import type { ModelMessage } from "ai";

/** The most failed turns, and the most refused pictures, that are remembered. */
const MOST_REMEMBERED = 500;

/** What the tools of a turn did before the turn failed. */
interface Progress {
  /** The calls of tools and their results, after the conversation. */
  readonly messages: readonly ModelMessage[];
  /** Whether the tools have used up their steps. */
  readonly isLast: boolean;
}

/**
 * What `aiSdk()` remembers in this process from one run to the next. It is bounded: the oldest entries are dropped
 * first.
 */
export interface Memory {
  /** URLs of pictures that the AI provider refused. From then on, they are described. */
  readonly refusedPictures: ReadonlySet<string>;
  refusePictures(urls: readonly string[]): void;
  /**
   * What tools did in a turn that failed afterwards. The next run continues from there, so that the tools do not act
   * again.
   */
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
