import type { Logger } from "../../logger.ts";
import { type Ownline, ownline } from "../../ownline.ts";
import type { Storage } from "../../storage/storage.ts";
import { crossing } from "./crossing.ts";
import { diceOf } from "./dice.ts";
import { type FaultOptions, ratesOf } from "./faults.ts";
import { featuresOf } from "./features.ts";
import { observed } from "./observed.ts";
import { operatorsOf } from "./operators.ts";
import { callersOf } from "./people.ts";
import { SimulatedProcess } from "./process.ts";
import { type SimulatedProvider, simulatedProvider } from "./provider.ts";
import { partiesOf, playScript, SENDERS } from "./script.ts";
import { type Settings, type SimulatedOptions, settingsOf } from "./settings.ts";
import { simulatedAi } from "./simulated-ai.ts";
import { LedgerTime, type SimulationClock } from "./simulated-time.ts";
import { Timeline } from "./timeline.ts";
import { Trace } from "./trace.ts";
import { playTroubles, stopPolitely } from "./troubles.ts";
import { note, observe, type World } from "./world.ts";

export interface RunOptions {
  readonly seed: number;
  readonly workers: number;
  readonly conversations: number;
  readonly texts: number;
  readonly storage: (clock: SimulationClock) => Storage | Promise<Storage>;
  readonly faults?: FaultOptions;
  readonly options?: SimulatedOptions;
}

/** What the judge gets after a run. */
export interface Ran {
  readonly world: World;
  readonly settings: Settings;
  /** Reads the ledger, without faults. */
  readonly reader: Ownline;
  readonly storage: Storage;
  /** Why the run did not end; `null` where it ended. */
  readonly stuck: string | null;
  readonly startMs: number;
  readonly steps: number;
}

const START_MS = Date.UTC(2026, 0, 1);
/**
 * How many turns of the microtask queue follow each step. A longer chain of promises goes on in the next step. That
 * only changes the order of events, and in the same way each time.
 */
const TURNS = 16;
const NEXT_TURN = Promise.resolve();
/** A run that needs more steps than this is in an endless loop. */
const MOST_STEPS = 60_000;
/** After the last fault, all work must be done within this virtual time. */
const CALM_MS = 1_800_000;
const SILENT: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** Plays one seed from its first text until no work is due any more. */
export async function run(options: RunOptions): Promise<Ran> {
  const dice = diceOf(options.seed);
  const ties = diceOf(options.seed ^ 0x71e5);
  const features = featuresOf(diceOf(options.seed ^ 0xfea7));
  const settings = settingsOf(dice, features, options.options);
  const timeline = new Timeline(START_MS, () => ties.next());
  const world: World = {
    dice,
    timeline,
    trace: new Trace(START_MS),
    rates: ratesOf(features, options.faults),
    observations: [],
    leaseMs: settings.worker.leaseMs,
    features,
    missing: new Map(),
    sweptFromMs: new Map(),
    calm: false,
  };
  const ledgerTime = new LedgerTime(timeline);
  const storage = await options.storage(ledgerTime.clock);
  await storage.migrate();
  const ledger = observed(world, storage);

  const living: SimulatedProcess[] = [];
  const choose = (): SimulatedProcess | null => (living.length === 0 ? null : dice.pick(living));
  const callers = callersOf(world, choose);
  const provider: SimulatedProvider = simulatedProvider(world, (callback, afterMs) =>
    callers.bringCallback(provider, callback, afterMs),
  );
  const operators = operatorsOf(world, callers);
  let names = 0;
  const begin = (): SimulatedProcess => {
    names += 1;
    const process = new SimulatedProcess(world, `p${names}`, (gone, replaceAfterMs) => {
      living.splice(living.indexOf(gone), 1);
      timeline.after(replaceAfterMs, () => void begin());
    });
    const sms = serviceOf(process, provider, ledger, settings, options.options);
    operators.watch(sms);
    process.begin(sms);
    living.push(process);
    void work(process);
    return process;
  };
  for (let worker = 0; worker < options.workers; worker += 1) begin();

  const parties = partiesOf(options.conversations, features.twoSpellings);
  const endMs = playScript(world, provider, callers, { parties, texts: options.texts });
  playTroubles(world, { processes: living, choose }, endMs);
  const stormMs = endMs + dice.between(3000, 20_000);
  timeline.after(stormMs, () => {
    world.calm = true;
    for (const process of living) process.cutOffUntilMs = 0;
    note(world, "-", "nothing fails any more");
  });

  let steps = 0;
  const step = async (until: () => boolean, limitMs: number): Promise<string | null> => {
    while (!until()) {
      if (steps >= MOST_STEPS) return `the run does not end after ${MOST_STEPS} steps`;
      if (timeline.now > limitMs) return "work is still due long after the last fault";
      const happen = timeline.next();
      if (happen === null) return "work is due, and no event is planned that could do it";
      const ran = await ledgerTime.outcomeOf(happen());
      if (ran === false) continue;
      steps += 1;
      for (let turn = 0; turn < TURNS; turn += 1) await NEXT_TURN;
      await ledgerTime.turn();
    }
    return null;
  };

  const reader = ownline({
    senders: SENDERS,
    transport: provider.transportFor(new SimulatedProcess(world, "reader", () => {})),
    storage,
    ai: () => ({ kind: "silence" }),
    logger: SILENT,
  });
  const limitMs = START_MS + stormMs + CALM_MS;
  let stuck = await step(() => world.calm && callers.waiting === 0 && living.length > 0, limitMs);
  // In half of the runs all other processes stop first.
  if (stuck === null && dice.chance(0.5)) {
    const leaving = [...living].filter((process) => !process.stopping);
    for (const process of leaving) stopPolitely(process, 1000);
    stuck = await step(() => leaving.every((process) => !process.alive), limitMs);
  }
  const last = begin();
  stuck ??= await step(() => !isTextOwed(world, settings), limitMs);
  while (stuck === null) {
    let ended: string | null = null;
    const end = (how: string) => {
      ended = how;
    };
    last.sms.settled().then(
      () => end("settled"),
      (error: unknown) => end(`settled() rejects: ${String(error)}`),
    );
    stuck = await step(() => ended !== null, limitMs);
    if (stuck !== null) break;
    if (ended !== "settled") stuck = ended;
    else if (await isAtRest(reader)) break;
    else {
      // Another process is sending, or a crashed one held the work: this process need not wait for it.
      const again = timeline.now + settings.worker.leaseMs;
      stuck = await step(() => timeline.now >= again, limitMs);
    }
  }
  return { world, settings, reader, storage, stuck, startMs: START_MS, steps };
}

function serviceOf(
  process: SimulatedProcess,
  provider: SimulatedProvider,
  ledger: Storage,
  settings: Settings,
  given: SimulatedOptions = {},
): Ownline {
  const { world } = process;
  const { autoReply, sweep, ...rest } = settings;
  const sms = ownline({
    ...given,
    ...rest,
    sweep: sweep ?? false,
    ...(autoReply === null ? {} : { autoReply }),
    senders: SENDERS,
    transport: provider.transportFor(process),
    storage: crossing(process, "storage", ledger, world.rates.storage),
    ai: simulatedAi(process, given.ai),
    clock: process.clock,
    logger: SILENT,
  });
  sms.on("notice", (notice) => {
    observe(world, { kind: "notice-emitted", process: process.name, notice });
    note(world, process.name, `emits ${notice.kind}`, notice.detail);
  });
  return sms;
}

/** Whether every text is answered and every message has a final status, as far as the ledger shows. */
async function isAtRest(reader: Ownline): Promise<boolean> {
  const { conversations } = await reader.conversations({ limit: 1000 });
  for (const { id, answeredSeq } of conversations) {
    const messages = await reader.messages({ conversationId: id, limit: 1000 });
    const isOpen = messages.some((message) => {
      if (message.direction === "inbound") return message.needsAnswer && message.seq > answeredSeq;
      if (message.origin === "auto-reply") return false;
      return message.status === "waiting" || message.status === "sending" || message.status === "unknown";
    });
    if (isOpen) return false;
  }
  return true;
}

/** Whether a text is missing that the sweep can still find. */
function isTextOwed({ missing, sweptFromMs }: World, { sweep }: Settings): boolean {
  if (sweep === null) return false;
  return [...missing.values()].some(
    ({ to, atMs }) => atMs >= (sweptFromMs.get(to) ?? Number.NEGATIVE_INFINITY) - sweep.overlapMs,
  );
}

/**
 * A process that cannot start ends, as under a supervisor. Every fourth process is a cron: it sweeps, and sleeps. Where
 * the seed restores backups, some processes recover the ledger before they start.
 */
async function work(process: SimulatedProcess): Promise<void> {
  const { world, sms } = process;
  const isCron = !world.dice.chance(0.75);
  if (world.features.recoveries && !world.calm && world.dice.chance(0.4)) await recover(process);
  if (process.stopping) return;
  if (!isCron) {
    note(world, process.name, "starts");
    sms.start().catch(() => process.crash("it could not start"));
    return;
  }
  note(world, process.name, "sweeps now and then");
  const sweep = async () => {
    await sms.processDue().catch(() => {});
    await process.clock.sleep(5000);
    if (!process.stopping) await sweep();
  };
  void sweep();
}

async function recover(process: SimulatedProcess): Promise<void> {
  const { world, sms } = process;
  note(world, process.name, "recovers the ledger");
  observe(world, { kind: "recovering" });
  for (let isDone = false; !isDone && !process.stopping; ) {
    world.trace.count("operator.recover", "calls");
    try {
      const { markedUnknown, swept } = await sms.recover();
      note(world, process.name, "has recovered the ledger", `${markedUnknown} marked as unknown, ${swept} swept`);
      isDone = true;
    } catch {
      world.trace.count("operator.recover", "repeated");
      await process.clock.sleep(10_000);
    }
  }
}
