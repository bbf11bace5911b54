import type { Dice } from "./dice.ts";
import type { Features } from "./features.ts";

/** How a call to the ledger, or a query of the provider's lists, can fail. Chances per call, together at most 1. */
export interface CallFaults {
  /** The call does not arrive, and fails. */
  readonly "error before": number;
  /** The call is executed, and its answer is lost. */
  readonly "error after": number;
  /** The call takes hundreds of milliseconds to seconds. */
  readonly slow: number;
  /** The call takes longer than a lease. */
  readonly late: number;
  /** The process crashes after it has sent the call. */
  readonly "crash before": number;
  /** The process crashes after the call was executed. */
  readonly "crash after": number;
  /** The process freezes after it has sent the call, for one to two leases. */
  readonly freeze: number;
  /** The call is executed twice, with a pause between; the second answer counts. */
  readonly twice: number;
}

/** How a send can fail at the provider. */
export interface SendFaults {
  /** Too many requests. */
  readonly "429": number;
  /** A full queue: the send may be repeated after minutes. */
  readonly congested: number;
  /** A refusal for good. */
  readonly refused: number;
  /** An error of the provider or the network, before the provider took the text. */
  readonly "error before": number;
  /** An error of the provider or the network, after the provider took the text. */
  readonly "error after": number;
  readonly slow: number;
  /** The transport throws, against its contract. The provider may have taken the text or not. */
  readonly threw: number;
  readonly "crash before": number;
  readonly "crash after": number;
}

/** How a call to the AI can fail. */
export interface AiFaults {
  /** The AI fails, and may be asked again. */
  readonly fails: number;
  /** The AI fails, and asking again is useless. */
  readonly "fails for good": number;
  readonly slow: number;
  /** The AI answers only when its signal aborts. */
  readonly hangs: number;
  /** The AI ignores its signal, and answers late. */
  readonly deaf: number;
  /** The AI starts a tool. From then on the run does not give way to a newer text. */
  readonly tool: number;
  readonly crash: number;
}

/** Chances, some per call and some per run. */
export interface FaultRates {
  readonly storage: CallFaults;
  readonly list: CallFaults;
  readonly send: SendFaults;
  readonly ai: AiFaults;
}

/** Chances that replace the default ones. */
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

/** Operators repair failed turns. So the AI fails often in runs that have operators. */
const FAILS_OFTEN = { "fails for good": 0.1 };

export function ratesOf({ operators }: Features, options: FaultOptions = {}): FaultRates {
  return {
    storage: { ...USUAL.storage, ...options.storage },
    list: { ...USUAL.list, ...options.list },
    send: { ...USUAL.send, ...options.send },
    ai: { ...USUAL.ai, ...(operators ? FAILS_OFTEN : {}), ...options.ai },
  };
}

/** Draws one fault for a call by one throw of the dice; `null` where the call has none. */
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
