import type { LedgerName } from "./contract.ts";

/** One guard taken out of the code. */
export interface Mutation {
  /** Whose guard it is; the engine's are looked for on memory. */
  readonly ledger: LedgerName;
  /** What the code no longer does. */
  readonly guard: string;
  /** Each text must stand in its file once; where it does not, the code has moved on, and the run says so. */
  readonly edits: readonly Edit[];
}

export interface Edit {
  readonly file: string;
  readonly search: string;
  readonly replace: string;
}

/** Mutations of one ledger's code: each a guard, and where in its folder it stands. */
export function guardsOf(
  ledger: LedgerName,
  folder: string,
  list: readonly (readonly [
    guard: string,
    ...edits: readonly (readonly [file: string, search: string, replace: string])[],
  ])[],
): readonly Mutation[] {
  return list.map(([guard, ...edits]) => ({
    ledger,
    guard,
    edits: edits.map(([file, search, replace]) => ({ file: `${folder}/${file}.ts`, search, replace })),
  }));
}
