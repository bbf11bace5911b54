import type { Dice } from "./dice.ts";
import type { Features } from "./features.ts";

/** What can befall a call to the ledger, or a look into the provider's lists. Chances per call, together at most 1. */
export interface CallFaults {
  /** It never gets there, and fails. */
  readonly "error before": number;
  /** It is done, and its answer is lost. */
  readonly "error after": number;
  /** Hundreds of milliseconds to seconds. */
  readonly slow: number;
  /** Longer than a lease. */
  readonly late: number;
  /** The process dies when the call leaves it. */
  readonly "crash before": number;
  /** The process dies when the call is done. */
  readonly "crash after": number;
  /** The process stands still from the moment at which the call leaves it, for one to two leases. */
  readonly freeze: number;
  /** It is done, a moment passes, and it is done again: the second answer counts. */
  readonly twice: number;
}

/** What can befall a text that is handed to the provider. */
export interface SendFaults {
  /** Too many requests. */
  readonly "429": number;
  /** A full queue: to be repeated after minutes. */
  readonly congested: number;
  /** For good. */
  readonly refused: number;
  /** An error of the provider or the network, before it took the text. */
  readonly "error before": number;
  /** The same, after it took the text. */
  readonly "error after": number;
  readonly slow: number;
  /** The transport breaks its word and throws; the provider took the text, or did not. */
  readonly threw: number;
  readonly "crash before": number;
  readonly "crash after": number;
}

/** What can befall a question to the AI. */
export interface AiFaults {
  /** It fails, and may be asked again. */
  readonly fails: number;
  /** It fails, and asking again is no use. */
  readonly "fails for good": number;
  readonly slow: number;
  /** It answers only to its signal. */
  readonly hangs: number;
  /** It does not listen to its signal, and answers late. */
  readonly deaf: number;
  /** It starts a tool, after which its run is not given up for a newer text. */
  readonly tool: number;
  readonly crash: number;
}

/** Chances, for each call or in each run. */
export interface FaultRates {
  readonly storage: CallFaults;
  readonly list: CallFaults;
  readonly send: SendFaults;
  readonly ai: AiFaults;
}

/** Chances that differ from the usual ones. */
export type FaultOptions = { readonly [Port in keyof FaultRates]?: Partial<FaultRates[Port]> };

const USUAL: FaultRates = {
  storage: {
    "error before": 0.012,
    "error after": 0.012,
    slow: 0.015,
    late: 0.003,
    "crash before": 0.003,
    "crash after": 0.004,
    freeze: 0.001,
    twice: 0.01,
  },
  list: {
    "error before": 0.05,
    "error after": 0.05,
    slow: 0.05,
    late: 0.01,
    "crash before": 0.01,
    "crash after": 0.01,
    freeze: 0.002,
    twice: 0.01,
  },
  send: {
    "429": 0.05,
    congested: 0.01,
    refused: 0.02,
    "error before": 0.03,
    "error after": 0.06,
    slow: 0.05,
    threw: 0.01,
    "crash before": 0.01,
    "crash after": 0.02,
  },
  ai: { fails: 0.08, "fails for good": 0.01, slow: 0.12, hangs: 0.02, deaf: 0.02, tool: 0.04, crash: 0.02 },
};

/** Where operators work, the AI gives them something to do. */
const FAILS_OFTEN = { "fails for good": 0.1 };

export function ratesOf({ operators }: Features, options: FaultOptions = {}): FaultRates {
  return {
    storage: { ...USUAL.storage, ...options.storage },
    list: { ...USUAL.list, ...options.list },
    send: { ...USUAL.send, ...options.send },
    ai: { ...USUAL.ai, ...(operators ? FAILS_OFTEN : {}), ...options.ai },
  };
}

/** Throws the dice once for all that may befall a call; `null` where nothing does. */
export function drawFault<Fault extends string>(
  dice: Dice,
  rates: Readonly<Record<Fault, number>>,
  names: readonly Fault[],
): Fault | null {
  let left = dice.next();
  for (const name of names) {
    left -= rates[name];
    if (left < 0) return name;
  }
  return null;
}

export const CALL_FAULTS: readonly (keyof CallFaults)[] = [
  "error before",
  "error after",
  "slow",
  "late",
  "crash before",
  "crash after",
  "freeze",
  "twice",
];

export const SEND_FAULTS: readonly (keyof SendFaults)[] = [
  "429",
  "congested",
  "refused",
  "error before",
  "error after",
  "slow",
  "threw",
  "crash before",
  "crash after",
];

export const AI_FAULTS: readonly (keyof AiFaults)[] = [
  "fails",
  "fails for good",
  "slow",
  "hangs",
  "deaf",
  "tool",
  "crash",
];
