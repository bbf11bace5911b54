/**
 * One promise of an adapter. `run` rejects with a sentence if the adapter breaks the promise. Any test runner can run a
 * list of cases: `for (const one of cases) it(one.name, one.run)`.
 */
export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}
