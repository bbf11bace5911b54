/** The steps of a run, and how often each fault hit each await. */
export class Trace {
  readonly #startMs: number;
  readonly #events: (readonly [atMs: number, who: string, what: string, outcome: string])[] = [];
  readonly #table = new Map<string, Map<string, number>>();

  constructor(startMs: number) {
    this.#startMs = startMs;
  }

  /** The number of lines, which is the place of the next line. */
  get length(): number {
    return this.#events.length;
  }

  note(atMs: number, who: string, what: string, outcome = ""): void {
    this.#events.push([atMs, who, what, outcome]);
  }

  /** Counts one await, and the fault that it met; `calls` counts all. */
  count(call: string, fault: string): void {
    const row = this.#table.get(call) ?? new Map<string, number>();
    this.#table.set(call, row);
    row.set(fault, (row.get(fault) ?? 0) + 1);
  }

  get faults(): FaultTable {
    return Object.fromEntries(Array.from(this.#table, ([call, row]) => [call, Object.fromEntries(row)]));
  }

  lines(): string[] {
    return this.#events.map(([atMs, who, what, outcome]) => {
      const seconds = ((atMs - this.#startMs) / 1000).toFixed(3).padStart(9);
      return `${seconds} s  ${who.padEnd(8)} ${what}${outcome === "" ? "" : `: ${outcome}`}`;
    });
  }

  /** The lines up to a moment, at most so many. */
  until(atMs: number, most: number): string[] {
    const end = this.#events.findLastIndex((event) => event[0] <= atMs) + 1;
    return this.lines().slice(Math.max(0, end - most), end);
  }

  /** A hash that is equal for equal runs. */
  hash(): string {
    let hash = 0x811c9dc5;
    const mix = (text: string) => {
      for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
    };
    for (const [atMs, who, what, outcome] of this.#events) {
      hash = Math.imul(hash ^ (atMs - this.#startMs), 0x01000193);
      mix(who);
      mix(what);
      mix(outcome);
    }
    return (hash >>> 0).toString(16).padStart(8, "0");
  }
}

/** By call (`storage.commitTurn`), then by fault, how often; `calls` counts all, those without a fault too. */
export type FaultTable = Readonly<Record<string, Readonly<Record<string, number>>>>;
