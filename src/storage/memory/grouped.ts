/** Values by a key that several values may share. */
export class Grouped<V> {
  readonly #groups = new Map<string, Set<V>>();

  /** The values of a key; `undefined` if it has none. */
  get(key: string): ReadonlySet<V> | undefined {
    return this.#groups.get(key);
  }

  has(key: string): boolean {
    return this.#groups.has(key);
  }

  add(key: string, value: V): void {
    const values = this.#groups.get(key);
    if (values === undefined) this.#groups.set(key, new Set([value]));
    else values.add(value);
  }

  delete(key: string, value: V): void {
    const values = this.#groups.get(key);
    values?.delete(value);
    if (values?.size === 0) this.#groups.delete(key);
  }
}
