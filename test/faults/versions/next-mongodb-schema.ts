import {
  type CollectionName,
  type Index,
  SCHEMA_VERSION as PRESENT,
  INDEXES as PRESENT_INDEXES,
} from "../../../src/storage/mongodb/schema.ts";

export * from "../../../src/storage/mongodb/schema.ts";

export const SCHEMA_VERSION: number = PRESENT + 1;

/** What a next version might add: an index for a field that older code does not write. */
export const INDEXES: Readonly<Partial<Record<CollectionName, readonly Index[]>>> = {
  ...PRESENT_INDEXES,
  messages: [
    ...(PRESENT_INDEXES.messages ?? []),
    { key: { nextNote: 1 }, partialFilterExpression: { nextNote: { $exists: true } } },
  ],
};
