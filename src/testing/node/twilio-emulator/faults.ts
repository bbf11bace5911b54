/** What a fault may choose by. Of a list request the numbers are those asked for, or empty. */
export interface FaultSubject {
  readonly from: string | null;
  readonly to: string;
  readonly body: string;
}

/**
 * Something that goes wrong.
 *
 * On creating a message:
 * - `drop-before-accept`, `drop-after-accept`: the connection breaks, before or after the message was taken
 * - `error-after-accept`: the message is taken, and the answer is an HTTP error
 * - `refuse`: the message is not taken, with this code of Twilio's
 * - `delay`: the answer of a message that was taken comes late
 * - `hang`: the message is taken, and no answer ever comes
 *
 * On listing messages:
 * - `lagging-list`: messages younger than `lagMs` are not in it yet
 *
 * On status callbacks, each time for one message:
 * - `duplicate-callback`, `drop-callback`: the next callback comes twice, or never
 * - `reorder-callbacks`: all callbacks of the message come last first
 *
 * On a person's text:
 * - `lose-webhook`: it is recorded, and its webhook never comes
 * - `duplicate-webhook`: its webhook comes twice
 */
export type Fault =
  | { readonly kind: "drop-before-accept" }
  | { readonly kind: "drop-after-accept" }
  | { readonly kind: "hang" }
  | { readonly kind: "error-after-accept" /** @default 500 */; readonly httpStatus?: number }
  | {
      readonly kind: "refuse";
      readonly code: number;
      /** @default 429 for 20429, 401 for 20003, else 400 */
      readonly httpStatus?: number;
      readonly retryAfterSeconds?: number;
    }
  | { readonly kind: "delay"; readonly ms: number }
  | { readonly kind: "lagging-list" /** @default 60000 */; readonly lagMs?: number }
  | { readonly kind: "duplicate-callback" }
  | { readonly kind: "drop-callback" }
  | { readonly kind: "reorder-callbacks" }
  | { readonly kind: "duplicate-webhook" }
  | { readonly kind: "lose-webhook" };

/** One member of the union for each kind, so that a kind picks its own. */

export type FaultKind = Fault["kind"];

export type PlannedFault = Fault & {
  /** How often it happens. @default 1 */
  readonly times?: number;
  /** Only where this says so. @default everywhere */
  readonly match?: (subject: FaultSubject) => boolean;
};

/** The faults that are still to come. */
export interface Faults {
  /** Makes the next matching request, callback or text go wrong. Several are used up in the order given. */
  next(fault: PlannedFault): void;
  /** Forgets what has not happened yet. */
  clear(): void;
  /** How many are still to happen: 0 says that a test has seen all of them. */
  readonly remaining: number;
}

export interface FaultPlan extends Faults {
  /** Uses up one fault of these kinds, if there is one for this subject. */
  take<Kind extends FaultKind>(
    subject: FaultSubject,
    ...kinds: readonly Kind[]
  ): Extract<Fault, { kind: Kind }> | undefined;
}

export function createFaults(): FaultPlan {
  let planned: { readonly fault: PlannedFault; left: number }[] = [];

  return {
    next(fault) {
      planned.push({ fault, left: fault.times ?? 1 });
    },
    clear() {
      planned = [];
    },
    get remaining() {
      return planned.reduce((sum, { left }) => sum + left, 0);
    },
    take(subject, ...kinds) {
      const isWanted = (fault: Fault): fault is Extract<Fault, { kind: (typeof kinds)[number] }> =>
        kinds.some((kind) => kind === fault.kind);
      for (const one of planned) {
        const fault: Fault = one.fault;
        if (!isWanted(fault) || !(one.fault.match?.(subject) ?? true)) continue;
        one.left -= 1;
        planned = planned.filter(({ left }) => left > 0);
        return fault;
      }
      return undefined;
    },
  };
}
