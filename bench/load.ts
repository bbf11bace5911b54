import { inboundOf, type LedgerSpec, openLedger, TEXT } from "./ledgers.ts";

/*
 * One process of a load: stores texts one after the other from `callers` callers at once, for `seconds`, and prints
 * what it measured. Started by acknowledge.ts with its task as JSON.
 */
export interface LoadTask extends LedgerSpec {
  readonly what: "raw" | "ledger";
  readonly callers: number;
  readonly seconds: number;
  /** Makes its keys and people its own. */
  readonly name: string;
}

export interface LoadResult {
  readonly done: number;
  readonly seconds: number;
  /** Of each acknowledgement, sorted. */
  readonly latenciesMs: readonly number[];
}

const PEOPLE = 200;

export async function load(task: LoadTask): Promise<LoadResult> {
  const ledger = await openLedger(task);
  const latenciesMs: number[] = [];
  let next = 0;
  const acknowledge = async (): Promise<void> => {
    const n = next++;
    const key = `${task.name}-${n}`;
    await (task.what === "raw"
      ? ledger.raw(key, TEXT)
      : ledger.storage.recordInbound(inboundOf(key, `+1${task.name}${n % PEOPLE}`)));
  };
  // Connections, caches and compiled statements are not what is measured.
  for (let warm = 0; warm < 50; warm += 1) await acknowledge();
  const startedAt = performance.now();
  const endsAt = startedAt + task.seconds * 1000;
  await Promise.all(
    Array.from({ length: task.callers }, async () => {
      for (;;) {
        const before = performance.now();
        if (before >= endsAt) return;
        await acknowledge();
        latenciesMs.push(performance.now() - before);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  await ledger.close();
  return { done: latenciesMs.length, seconds, latenciesMs: latenciesMs.toSorted((one, other) => one - other) };
}

if (process.argv[1] === import.meta.filename) {
  const result = await load(JSON.parse(process.argv[2] ?? "{}"));
  process.stdout.write(JSON.stringify(result));
}
