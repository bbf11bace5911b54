import {
  type PostgresStep,
  SCHEMA_VERSION as PRESENT,
  STEPS as PRESENT_STEPS,
} from "../../../src/storage/postgres/schema.ts";

export * from "../../../src/storage/postgres/schema.ts";

export const SCHEMA_VERSION: number = PRESENT + 1;

const present = `ownline_${PRESENT}_`;
const functions = PRESENT_STEPS.flatMap(({ statements }) => statements).filter((sql) => sql.includes(present));

/**
 * What a next version might add: functions of its own beside those that older code calls, a column that older code does
 * not write, and an index for it.
 */
const next: PostgresStep = {
  version: SCHEMA_VERSION,
  minWriter: PRESENT_STEPS.at(-1)?.minWriter ?? PRESENT,
  statements: [
    "alter table ownline_messages add column next_note text not null default ''",
    "create index ownline_messages_next on ownline_messages (next_note) where next_note <> ''",
    ...functions.map((sql) => sql.replaceAll(present, `ownline_${SCHEMA_VERSION}_`)),
  ],
};

export const STEPS: readonly PostgresStep[] = [...PRESENT_STEPS, next];
