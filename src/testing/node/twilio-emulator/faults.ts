/** The properties by which a fault can choose its cases. For a list request, the numbers are its filters, or empty. */
export interface FaultSubject {
  readonly from: string | null;
  readonly to: string;
  readonly body: string;
}

/**
 * Something that goes wrong.
 *
 * On creating a message:
 * - `drop-before-accept`, `drop-after-accept`: the connection breaks, before or after the emulator takes the message
 * - `error-after-accept`: the emulator takes the message, and answers with an HTTP error
 * - `refuse`: the emulator refuses the message with this code of Twilio's
 * - `delay`: the emulator takes the message, and answers late
 * - `hang`: the emulator takes the message, and never answers
 *
 * On listing messages:
 * - `lagging-list`: the list does not show messages that are younger than `lagMs`
 *
 * On status callbacks, each time for one message:
 * - `duplicate-callback`, `drop-callback`: the next callback comes twice, or never comes
 * - `reorder-callbacks`: the message's callbacks come in reverse order
 *
 * On a person's text:
 * - `lose-webhook`: the emulator records the text, and never calls the webhook
 * - `duplicate-webhook`: the webhook comes twice
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
  /** The cases in which the fault happens. @default all */
  readonly match?: (subject: FaultSubject) => boolean;
};

/** The faults that have not happened yet. */
export interface Faults {
  /**
   * Makes the next matching request, callback or text fail. Several faults happen in the order in which they were
   * added.
   */
  next(fault: PlannedFault): void;
  /** Removes the faults that have not happened yet. */
  clear(): void;
  /** The number of faults that have not happened yet. 0 shows a test that all of them have happened. */
  readonly remaining: number;
}

export interface FaultPlan extends Faults {
  /** Uses up one fault of these kinds, if one is left that matches. */
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
