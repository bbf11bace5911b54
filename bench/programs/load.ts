import { inboundOf, type LedgerSpec, openLedger, TEXT } from "../ledgers.ts";
import { serve } from "../processes.ts";

/** One process that stores texts, in the ledger or by raw inserts. */
export interface LoadTask {
  readonly ledger: LedgerSpec;
  readonly callers: number;
  /** A prefix that makes the process's keys and persons unique. */
  readonly name: string;
}

export interface LoadCommand {
  readonly what: "raw" | "ledger";
  readonly seconds: number;
}

export interface LoadAnswer {
  readonly seconds: number;
  /** The time of each acknowledgement. */
  readonly latenciesMs: readonly number[];
}

/** The number of callers in each process. */
const PEOPLE = 200;

await serve<LoadTask, LoadCommand, LoadAnswer>(async ({ ledger: spec, callers, name }) => {
  const ledger = await openLedger(spec);
  let next = 0;
  const store = async (what: LoadCommand["what"]): Promise<void> => {
    const n = next++;
    const key = `${name}-${n}`;
    await (what === "raw"
      ? ledger.raw(key, TEXT)
      : ledger.storage.recordInbound(inboundOf(key, `+1${name}${n % PEOPLE}`)));
  };
  return {
    async handle({ what, seconds }) {
      const latenciesMs: number[] = [];
      const startedAt = performance.now();
      const endsAt = startedAt + seconds * 1000;
      const call = async () => {
        for (let before = startedAt; before < endsAt; before = performance.now()) {
          await store(what);
          latenciesMs.push(performance.now() - before);
        }
      };
      await Promise.all(Array.from({ length: callers }, call));
      return { seconds: (performance.now() - startedAt) / 1000, latenciesMs };
    },
    close: ledger.close,
  };
});
