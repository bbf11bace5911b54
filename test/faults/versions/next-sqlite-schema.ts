import { type Migration, MIGRATIONS as PRESENT } from "../../../src/storage/sql/schema.ts";

export * from "../../../src/storage/sql/schema.ts";

/** What a next version might add: a column that older code does not write, and an index for it. */
const next: Migration = {
  version: (PRESENT.at(-1)?.version ?? 0) + 1,
  minWriter: PRESENT.at(-1)?.minWriter ?? 1,
  statements: [
    "alter table ownline_messages add column next_note text not null default ''",
    "create index ownline_messages_next on ownline_messages (next_note) where next_note <> ''",
  ],
};

export const MIGRATIONS: readonly Migration[] = [...PRESENT, next];
