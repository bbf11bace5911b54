import { parseArgs } from "node:util";

/** The options of a run of the fault suite. */
export interface RunOptions {
  /** Whether the run checks the promises under all faults, or measures how soon a killed process's work goes on. */
  readonly purpose: "promises" | "recovery";
  readonly texts: number;
  readonly kills: number;
  readonly engines: number;
  readonly storage: StorageKind;
  /** The time over which the texts come. Where recovery is measured, each wave waits for the one before it. */
  readonly minutes: number;
  readonly seed: number;
  /** `sending.unknownWindowMs` of the engines. */
  readonly windowMs: number;
  readonly listLagMs: number;
  readonly callbackLoss: number;
  /** `worker.leaseMs`; `null` for the library's default. */
  readonly leaseMs: number | null;
}

export const storageKinds = ["sqlite", "postgres", "mongodb"] as const;
export type StorageKind = (typeof storageKinds)[number];

/**
 * What two cores can do while processes are killed. A run with more texts or more kills takes longer. The server that
 * speaks MongoDB's protocol is slow: with more texts it falls behind, and many get 503.
 */
const TEXTS_PER_MINUTE: Readonly<Record<StorageKind, number>> = { sqlite: 1200, postgres: 2400, mongodb: 120 };
const KILLS_PER_MINUTE = 25;

const BASE: Omit<RunOptions, "minutes"> = {
  purpose: "promises",
  texts: 500,
  kills: 10,
  engines: 2,
  storage: "postgres",
  seed: 1,
  windowMs: 5000,
  listLagMs: 1000,
  callbackLoss: 0.1,
  leaseMs: null,
};

/** Each profile is a list of runs. In the last run the list lags for longer than the window. */
const PROFILES: Readonly<Record<string, readonly Partial<RunOptions>[]>> = {
  one: [{}],
  ci: [
    { texts: 2000, kills: 40 },
    {
      texts: 200,
      kills: 10,
      minutes: 0.4,
      listLagMs: 60_000,
      callbackLoss: 0.5,
      seed: 2,
    },
  ],
  // A wave of texts for each kill, no callbacks, and no other fault. A profile that misses its bounds fails the run.
  recovery: [{ purpose: "recovery", texts: 84, kills: 6, callbackLoss: 1 }],
  long: [
    { texts: 100_000, kills: 1000 },
    { texts: 2000, kills: 40, listLagMs: 120_000, callbackLoss: 0.5, seed: 2 },
  ],
};

const USAGE = `npm run faults -- [--profile one|ci|recovery|long] [--storage ${storageKinds.join("|")}] [--engines 1..4]
  [--texts N] [--kills K] [--minutes M] [--seed S] [--window MS] [--list-lag MS] [--callback-loss RATE] [--lease MS]`;

/** Reads the command line. Throws an error that shows the usage. */
export function parseRunOptions(args: readonly string[]): readonly RunOptions[] {
  const flags = ["profile", "storage", "engines", "texts", "kills", "minutes", "seed", "window", "list-lag"];
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(
      [...flags, "callback-loss", "lease"].map((name) => [name, { type: "string" as const }]),
    ),
  });
  const runs = PROFILES[values.profile ?? "one"];
  if (runs === undefined) throw new Error(`There is no profile ${values.profile}.\n${USAGE}`);
  const number = (name: string, least: number, most: number): number | undefined => {
    const text = values[name];
    if (text === undefined) return undefined;
    const value = Number(text);
    if (text === "" || !(value >= least && value <= most))
      throw new Error(`--${name} must be ${least} to ${most}.\n${USAGE}`);
    return value;
  };
  const storage = storageKinds.find((kind) => kind === values.storage);
  if (storage === undefined && values.storage !== undefined)
    throw new Error(`--storage must be one of ${storageKinds.join(", ")}.\n${USAGE}`);
  const given = {
    storage,
    texts: number("texts", 1, 1e7),
    kills: number("kills", 0, 1e6),
    engines: number("engines", 1, 4),
    minutes: number("minutes", 0.05, 1e4),
    seed: number("seed", 0, 2 ** 31),
    windowMs: number("window", 0, 1e7),
    listLagMs: number("list-lag", 0, 1e7),
    callbackLoss: number("callback-loss", 0, 1),
    leaseMs: number("lease", 100, 1e6),
  };
  const said = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  return runs.map((run) => {
    const all = { ...BASE, ...run, ...said };
    const minutes = Math.max(0.4, all.texts / TEXTS_PER_MINUTE[all.storage], all.kills / KILLS_PER_MINUTE);
    return { minutes, ...all };
  });
}
