import pg from "pg";
import { expect, inject, it } from "vitest";

it("runs a real PostgreSQL server for the tests", async () => {
  const client = new pg.Client({ connectionString: inject("postgresUrl") });
  await client.connect();
  const { rows } = await client.query<{ version: string }>("select version()");
  await client.end();
  expect(rows[0]?.version).toContain("PostgreSQL 18");
});
