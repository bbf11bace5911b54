import type { TestProject } from "vitest/node";
import { startPostgres } from "./embedded-postgres.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A real PostgreSQL server of this test run, as its superuser: `postgres://…/postgres`. */
    readonly postgresUrl: string;
    /** A server that speaks MongoDB's protocol; empty where `OWNLINE_TEST_MONGODB_URL` names none. */
    readonly mongodbUrl: string;
  }
}

/** Starts the PostgreSQL server that the tests share. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const server = await startPostgres({ fsync: "off" });
  project.provide("postgresUrl", server.url);
  project.provide("mongodbUrl", process.env.OWNLINE_TEST_MONGODB_URL ?? "");
  return server.stop;
}
