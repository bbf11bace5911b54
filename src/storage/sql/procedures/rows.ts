import { procedures } from "./procedures.ts";
import { statement } from "./steps.ts";

/**
 * Where a database keeps the procedures in the place of the code. A digest names one version of all of them, and its
 * rows never change: code of two versions serves side by side, each by the rows of its own digest.
 */
export const CREATE_PROCEDURES: string = `create table if not exists ownline_procedures (
  digest text not null,
  name text not null,
  steps text not null,
  primary key (digest, name)
) strict`;

/** A procedure as its row keeps it: its statements as a JSON list. */
export interface ProcedureRow {
  readonly name: string;
  readonly steps: string;
}

export function procedureRows(): readonly ProcedureRow[] {
  return Object.entries(procedures).map(([name, steps]) => ({
    name,
    steps: `[\n${steps.map((step) => JSON.stringify(step)).join(",\n")}\n]`,
  }));
}

export const COUNT_PROCEDURES: string = "select count(*) as n from ownline_procedures where digest = :digest";

export const INSERT_PROCEDURE: string = statement(`
  insert into ownline_procedures (digest, name, steps) values (:digest, :name, :steps)
  on conflict (digest, name) do nothing`);
