import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import type { OutboundMessage } from "../../src/index.ts";
import type { Deed, Plan, Point } from "./crash-points.ts";
import type { CaseLedger } from "./matrix-ledgers.ts";
import type { EngineProcess, Provider } from "./processes.ts";
import { createScene, type Scene, type SceneOptions } from "./scene.ts";
import { openStorage } from "./storages.ts";

/** The scene of a case of the crash matrix, with its usual checks. */
export interface MatrixScene extends Scene {
  readonly ledger: CaseLedger;
  /** Starts a process that fails at a point while it handles a text, and then another process. */
  killedAt(point: Point, body?: string): Promise<EngineProcess>;
  /** Resolves when this many of the person's texts got their 200. */
  acknowledged(count: number): Promise<void>;
  /** The ledger's story of one outbound message. */
  message(outboundId: string | undefined): Promise<OutboundMessage | undefined>;
  /** What the person got, as soon as it is this many texts. */
  receives(count: number): Promise<readonly string[]>;
  /**
   * Everything that the person got until the next text is answered. A conversation is serial, so a second copy of any
   * message would come before that answer.
   */
  inTheEnd(): Promise<readonly string[]>;
}

export interface MatrixSceneOptions {
  readonly ledger: CaseLedger;
  readonly provider: Provider;
  /** The directory of all scenes. Each scene writes into a folder of its own. */
  readonly dir: string;
  readonly index: number;
  readonly options: SceneOptions["options"];
}

/** The answer to a text, as one part. */
export const answerTo = (...tags: number[]): string => `re: ${tags.join(",")} w1 done`;

export const at = (deed: Deed, point: Point, nth = 1): Plan => ({ deed, point, nth });

export async function dies(engine: EngineProcess): Promise<void> {
  expect((await engine.ended).signal, engine.output()).toBe("SIGKILL");
}

/** A scene on a ledger of its own. Both end together. */
export async function matrixScene(given: MatrixSceneOptions): Promise<MatrixScene> {
  const { ledger, provider, index, options } = given;
  const dir = join(given.dir, String(index));
  const on = await createScene({ provider, dir, storageUrl: ledger.url, index, options });
  return {
    ...on,
    ledger,
    async killedAt(point, body = "#1 fast please") {
      const first = await on.start({ plans: [at("kill", point)] });
      await on.text(body);
      await dies(first);
      return on.start();
    },
    acknowledged: (count) => on.until(`${count} acknowledged`, () => on.verdict().acknowledged === count),
    async message(outboundId = "") {
      const storage = await openStorage(ledger.url);
      const message = (await storage.story(outboundId))?.message;
      await storage.close();
      return message?.direction === "outbound" ? message : undefined;
    },
    async receives(count) {
      await on.until(`${count} texts sent`, () => on.received().length >= count);
      return on.received();
    },
    async inTheEnd() {
      await on.until("each text acknowledged and answered", () => {
        const { unacknowledged, violations } = on.verdict();
        return unacknowledged === 0 && violations.every((violation) => violation.kind !== "lost");
      });
      await on.text("#99 fast please");
      await on.until("the next answer", () => on.verdict().answeredAt.has(99));
      expect(on.verdict().violations, on.output()).toEqual([]);
      return on.received();
    },
    async [Symbol.asyncDispose]() {
      await on[Symbol.asyncDispose]();
      await ledger[Symbol.asyncDispose]();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
