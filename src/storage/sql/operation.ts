import type { SqlDriver, SqlRow } from "./driver.ts";
import type { ProcedureName } from "./procedure.ts";
import { bind, type Params } from "./statement.ts";

/** The procedures of one batch, in order; what a condition made `false` is left out. */
export type Run = readonly (ProcedureName | false)[];

/**
 * How a mutating method becomes one batch of conditional statements:
 *
 * 1. The *marker*, a row of `ownline_ops` under the operation's id, with the outcome that the guards allow. It reads
 *    the clock, once. A repetition only raises `n`.
 * 2. The statements that act. Each asks the marker whether the operation is fresh, and which outcome it has.
 * 3. The *answer*: which messages belong to it, and what of them can change later, as it is at this moment; so that a
 *    repetition returns what the first call returned. Texts are not copied.
 * 4. The selects that read the answer.
 */
export interface Ledger {
  /** One atomic commit. Returns the rows of the reading statements only, in their order. */
  commit(run: Run, params: Params): Promise<readonly (readonly SqlRow[])[]>;
  /** Reads of one moment. */
  read(procedure: ProcedureName, params: Params): Promise<readonly (readonly SqlRow[])[]>;
}

/**
 * Binds statements, and the clock as `:now`, for a driver. `:op` becomes the method's own: one id may serve several
 * methods.
 */
export function ledgerOver(driver: SqlDriver, method: string): Ledger {
  return {
    async commit(run, params) {
      const procedures = await driver.procedures();
      const steps = run.flatMap((name) => (name === false ? [] : procedures(name)));
      const bound = { ...params, op: `${method} ${params.op ?? ""}`, now: driver.now() };
      const results = await driver.batch(steps.map((step) => bind(step, bound)));
      return results.filter((_rows, index) => steps[index]?.reads);
    },
    async read(procedure, params) {
      const procedures = await driver.procedures();
      const bound = { ...params, now: driver.now() };
      return await driver.read(procedures(procedure).map((step) => bind(step, bound)));
    },
  };
}
