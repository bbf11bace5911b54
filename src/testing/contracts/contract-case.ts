/**
 * One promise that an adapter keeps. `run` rejects, with a sentence, when it does not. Any test runner takes a list of
 * them: `for (const one of cases) it(one.name, one.run)`.
 */
export interface ContractCase {
  readonly name: string;
  run(): Promise<void>;
}
