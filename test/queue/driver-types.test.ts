import type pg from "pg";
import { describe, expectTypeOf, it } from "vitest";
import type { PostgresListenPool, PostgresNotifyPool, postgresNotify } from "../../src/queue/postgres.ts";

describe("the types of the drivers", () => {
  it("have a pool of pg that postgresNotify() takes as it is", () => {
    expectTypeOf<pg.Pool>().toExtend<PostgresNotifyPool>();
    expectTypeOf<pg.Pool>().toExtend<PostgresListenPool>();
    expectTypeOf<Parameters<typeof postgresNotify>[0]>().not.toBeAny();
    // A single client cannot be connected again.
    expectTypeOf<pg.Client>().not.toExtend<PostgresNotifyPool>();
  });
});
