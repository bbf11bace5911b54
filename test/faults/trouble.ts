import { setTimeout as wait } from "node:timers/promises";
import { DEFAULT_LEASE_MS } from "../../src/engine/options/parse-options.ts";
import type { Plan, Point } from "./crash-points.ts";
import type { Fleet } from "./fleet.ts";
import { calm, generator, type Network } from "./network.ts";
import { letPeopleText, type People } from "./people.ts";
import type { Disturbance } from "./recovery.ts";
import type { RunOptions } from "./run-options.ts";
import type { Outcome } from "./table.ts";
import { killInWaves } from "./waves.ts";

const POINTS: readonly Point[] = [
  "before:recordInbound",
  "after:recordInbound",
  "after:ack",
  "after:claimTurns",
  "before:ai",
  "after:ai",
  "after:commitTurn",
  "before:claimSend",
  "after:claimSend",
  "before:post",
  "after:post",
  "after:recordSend",
  "before:recordStatus",
  "after:recordStatus",
  "after:heartbeat",
];
const STORM_MS = 2000;
const FREEZE_BEYOND_LEASE_MS = 2000;
const DATABASE_PAUSE_MS = 500;
const START_LIMIT_MS = 20_000;

/** The faults of a run, while people text. */
export interface Trouble {
  readonly network: Network;
  /** The fault that the next process plans for itself. */
  nextPlans(): readonly Plan[];
  /** Lets people text. Ends when all texts were sent, and all planned faults have happened. */
  make(parts: TroubleParts): Promise<Outcome["troubles"]>;
}

export interface TroubleParts {
  readonly fleet: Fleet;
  readonly people: People;
  readonly durationMs: number;
  readonly database: { restart: (() => Promise<void>) | null };
  readonly disturbances: Disturbance[];
}

export function troubleOf(run: RunOptions, random: () => number): Trouble {
  const { purpose, listLagMs, callbackLoss } = run;
  switch (purpose) {
    case "promises": {
      const network = stormy(run);
      return {
        network,
        nextPlans: () => (run.kills === 0 || random() < 0.5 ? [] : [planOf(random)]),
        async make(parts) {
          const { people, durationMs } = parts;
          const texting = { people, texts: run.texts, durationMs, random: generator(run.seed + 1) };
          const [troubles] = await Promise.all([makeTrouble(run, network, parts), letPeopleText(texting)]);
          return troubles;
        },
      };
    }
    case "recovery":
      return {
        network: { ...calm, listLagMs, callbackLoss, webhookTimeoutMs: 10_000 },
        nextPlans: () => [],
        async make({ fleet, people }) {
          await killInWaves({ fleet, people, kills: run.kills, texts: run.texts, random });
          // Only the kills may stop a conversation.
          return { freezes: 0, deploys: 0, storms: 0, databaseRestarts: 0 };
        },
      };
    default:
      return purpose satisfies never;
  }
}

function stormy({ listLagMs, callbackLoss }: RunOptions): Network {
  return {
    ...calm,
    listLagMs,
    callbackLoss,
    tooMany: 0.01,
    retryAfterSeconds: 1,
    dropBefore: 0.005,
    dropAfter: 0.01,
    errorBefore: 0.005,
    errorAfter: 0.005,
    hangBefore: 0.002,
    hangAfter: 0.004,
    listError: 0.02,
    callbackTwice: 0.05,
    callbackReorder: 0.1,
    callbackEarly: 0.1,
    callbackForged: 0.02,
    callbackMs: 400,
    webhookTwice: 0.03,
    webhookLoss: 0.01,
    webhookTimeoutMs: 10_000,
    webhookRetryMs: [500, 1000, 2000, 4000, 8000],
  };
}

function planOf(random: () => number): Plan {
  const point = POINTS[Math.floor(random() * POINTS.length)] ?? "after:ack";
  return { deed: "kill", point, nth: 1 + Math.floor(random() * 20) };
}

/** The kills and some of every other fault, spread over the run. Kills go on until there were enough of them. */
async function makeTrouble(run: RunOptions, network: Network, parts: TroubleParts): Promise<Outcome["troubles"]> {
  const { fleet, durationMs, database, disturbances } = parts;
  const troubles = { freezes: 0, deploys: 0, storms: 0, databaseRestarts: 0 };
  const started = Date.now();
  const from = async (share: number, deed: () => Promise<void>): Promise<void> => {
    await wait(Math.max(0, started + share * durationMs - Date.now()));
    const begun = Date.now();
    await deed();
    disturbances.push({ from: begun, to: Date.now() });
  };
  const others = [
    from(0.15, storm),
    from(0.3, deploy),
    from(0.4, freeze),
    from(0.55, storm),
    from(0.6, restartDatabase),
    from(0.7, freeze),
    from(0.8, deploy),
    from(0.9, restartDatabase),
  ];
  async function storm(): Promise<void> {
    troubles.storms += 1;
    await fleet.setNetwork({ ...network, tooMany: 0.9 });
    await wait(STORM_MS);
    await fleet.setNetwork(network);
  }
  async function deploy(): Promise<void> {
    troubles.deploys += 1;
    await fleet.deploy();
  }
  async function freeze(): Promise<void> {
    if (run.engines < 2) return;
    troubles.freezes += 1;
    await fleet.freeze((run.leaseMs ?? DEFAULT_LEASE_MS) + FREEZE_BEYOND_LEASE_MS);
  }
  async function restartDatabase(): Promise<void> {
    if (database.restart === null) return;
    troubles.databaseRestarts += 1;
    await database.restart();
    await wait(DATABASE_PAUSE_MS);
  }

  while (fleet.kills.length < run.kills) {
    const due = Math.floor((run.kills * (Date.now() - started)) / durationMs);
    if (fleet.kills.length < Math.min(run.kills, due)) {
      const before = fleet.kills.length;
      const isKilled = fleet.kill();
      // The kill counts when the new process has started.
      for (let waited = 0; isKilled && fleet.kills.length === before && waited < START_LIMIT_MS; waited += 50) {
        await wait(50);
      }
    }
    await wait(100);
  }
  await Promise.all(others);
  return troubles;
}
