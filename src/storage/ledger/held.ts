/** A row that a rule may change. The working set later compares it with the loaded row. */
export type Mutable<Row> = { -readonly [Field in keyof Row]: Row[Field] };

/**
 * A decision has no rows of most tables. These tables share one empty map: with separate maps, a turn on `memory()`
 * allocated a quarter more.
 */
const NONE: ReadonlyMap<string, never> = new Map<string, never>();

/** Rows by primary key: as they are now, and as they were loaded. */
export class Held<Row> {
  readonly before: ReadonlyMap<string, Row>;
  readonly #naming: (row: Row) => string;
  #rows: Map<string, Mutable<Row>> | null = null;

  constructor(naming: (row: Row) => string, loaded: readonly Row[] = []) {
    this.#naming = naming;
    if (loaded.length === 0) {
      this.before = NONE;
      return;
    }
    const before = new Map<string, Row>();
    const rows = new Map<string, Mutable<Row>>();
    for (const row of loaded) {
      const name = naming(row);
      before.set(name, row);
      rows.set(name, { ...row });
    }
    this.before = before;
    this.#rows = rows;
  }

  get rows(): ReadonlyMap<string, Mutable<Row>> {
    return this.#rows ?? NONE;
  }

  get(name: string): Mutable<Row> | undefined {
    return this.#rows?.get(name);
  }

  /** Adds a new row and returns it; the rules may change it. */
  add(row: Row): Mutable<Row> {
    const mutable = { ...row };
    this.#rows ??= new Map<string, Mutable<Row>>();
    this.#rows.set(this.#naming(row), mutable);
    return mutable;
  }
}

/** One string for a key of several fields. No field contains a NUL. */
export function nameOf(first: string | number, ...others: readonly (string | number)[]): string {
  let name = String(first);
  for (const other of others) name += `\0${other}`;
  return name;
}
