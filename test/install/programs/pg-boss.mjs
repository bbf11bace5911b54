import { pgBoss } from "ownline/queue/pg-boss";
import { answersForTheOther } from "./wake-ups.mjs";

/* Wake-ups through the installed pg-boss, on the PostgreSQL server of OWNLINE_TEST_POSTGRES_URL. */
const installed = await import("pg-boss");
// Version 12 names the class, 10 and 11 export it alone.
const { PgBoss = installed.default } = installed;
const boss = new PgBoss({ connectionString: process.env.OWNLINE_TEST_POSTGRES_URL, schema: `boss_${process.pid}` });
boss.on("error", console.error);
await boss.start();
await answersForTheOther({ web: pgBoss(boss, { pollMs: 500 }), worker: pgBoss(boss, { pollMs: 500 }) });
await boss.stop({ graceful: false, wait: true });
