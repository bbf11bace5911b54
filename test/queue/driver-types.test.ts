import type { createPostgresBackend, Queue, Worker, withBackend } from "bullmq";
import type pg from "pg";
import type { PgBoss } from "pg-boss";
import { describe, expectTypeOf, it } from "vitest";
import type { BullmqQueueLike, BullmqWorkerLike, bullmq } from "../../src/queue/bullmq.ts";
import type { PgBossLike, pgBoss } from "../../src/queue/pg-boss.ts";
import type { PostgresListenPool, PostgresNotifyPool, postgresNotify } from "../../src/queue/postgres.ts";

describe("the types of the drivers", () => {
  it("have a pool of pg that postgresNotify() takes as it is", () => {
    expectTypeOf<pg.Pool>().toExtend<PostgresNotifyPool>();
    expectTypeOf<pg.Pool>().toExtend<PostgresListenPool>();
    expectTypeOf<Parameters<typeof postgresNotify>[0]>().not.toBeAny();
    // A single client cannot be connected again.
    expectTypeOf<pg.Client>().not.toExtend<PostgresNotifyPool>();
  });

  it("have a PgBoss that pgBoss() takes as it is", () => {
    expectTypeOf<PgBoss>().toExtend<PgBossLike>();
    expectTypeOf<Parameters<typeof pgBoss>[0]>().not.toBeAny();
    expectTypeOf<Pick<PgBoss, "send" | "work">>().not.toExtend<PgBossLike>();
  });

  it("have a Queue and a Worker of BullMQ that bullmq() takes as they are, on either backend", () => {
    expectTypeOf<Queue>().toExtend<BullmqQueueLike>();
    expectTypeOf<Worker>().toExtend<BullmqWorkerLike>();
    expectTypeOf<Parameters<typeof bullmq>[0]>().not.toBeAny();
    expectTypeOf<Worker>().not.toExtend<BullmqQueueLike>();
    type OnPostgres = ReturnType<typeof withBackend<ReturnType<typeof createPostgresBackend>, string>>;
    expectTypeOf<InstanceType<OnPostgres["Queue"]>>().toExtend<BullmqQueueLike>();
    expectTypeOf<InstanceType<OnPostgres["Worker"]>>().toExtend<BullmqWorkerLike>();
  });
});
