import { guardsOf, type Mutation } from "./mutation.ts";

/** What PostgreSQL guards by itself, and how each guard is removed. */
export const postgresGuards: readonly Mutation[] = guardsOf("postgres", "src/storage/postgres", [
  ["a decision older than 5 s is refused", ["apply", "OLDEST_MS = 5_000;", "OLDEST_MS = 5_000_000_000;"]],
  [
    "an erased message's key is kept: a late webhook does not store it again",
    ["erasure", "update ownline_keys k set ref = null, attempt = null", "delete from ownline_keys k"],
  ],
  [
    "an erased message's key is kept: a repeated send() sends nothing",
    ["erasure", "update ownline_keys k set ref = null\n", "delete from ownline_keys k\n"],
  ],
]);
