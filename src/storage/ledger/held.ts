/** A row that a rule may change: the working set finds out what it changed. */
export type Mutable<Row> = { -readonly [Field in keyof Row]: Row[Field] };

/** Rows by their primary key, and as they were loaded. */
export class Held<Row> {
  readonly rows: Map<string, Mutable<Row>> = new Map<string, Mutable<Row>>();
  readonly before: Map<string, Row> = new Map<string, Row>();
  readonly #naming: (row: Row) => string;

  constructor(naming: (row: Row) => string, loaded: readonly Row[] = []) {
    this.#naming = naming;
    for (const row of loaded) {
      const name = naming(row);
      this.before.set(name, row);
      this.rows.set(name, { ...row });
    }
  }

  get(name: string): Mutable<Row> | undefined {
    return this.rows.get(name);
  }

  /** Adds a new row. Returns it, for the rules to change. */
  add(row: Row): Mutable<Row> {
    const mutable = { ...row };
    this.rows.set(this.#naming(row), mutable);
    return mutable;
  }
}

/** The name of a row of several fields. None of them holds a NUL. */
export function nameOf(...fields: readonly (string | number)[]): string {
  return fields.join("\0");
}
