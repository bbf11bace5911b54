import type { KnipConfig } from "knip";
import { entries } from "./scripts/entries.ts";

const config: KnipConfig = {
  entry: [
    ...Object.values(entries).map((source) => `${source}!`),
    "scripts/{build,check,d1-migrations,demo,import-time,options-page,test,test-long}.ts",
    "bench/programs/*.ts",
    "examples/*/src/{server,worker}.ts",
    "examples/*/scripts/dev.ts",
    "examples/*/public/app.js",
    "test/**/*.test.ts",
    "test/faults/{provider,engine,run}.ts",
    "test/faults/versions/next-{mongodb,postgres,sqlite}-schema.ts",
    "test/{frameworks,install,mutations}/vitest.config.ts",
    "test/install/types.mts",
    "test/install/programs/*.mjs",
    "test/runtimes/program.ts",
  ],
  project: [
    "src/**/*.ts!",
    "test/**/*.ts",
    "scripts/**/*.{ts,cjs}",
    "examples/**/*.{ts,js}",
    "bench/**/*.ts",
    "*.config.{ts,js}",
  ],
  // A type that a public signature names is exported with it, also where nothing else imports it.
  ignoreExportsUsedInFile: { interface: true, type: true },
  // scripts/check.ts starts the first two by their command; tests require the third where it can be loaded;
  // the fourth is the scheme of workerd's own modules.
  ignoreDependencies: ["@arethetypeswrong/cli", "publint", "better-sqlite3", "cloudflare", "chat"],
  // Debian's, where a machine has them: the tests of PostgreSQL and of BullMQ start one each.
  ignoreBinaries: ["pgbouncer", "redis-server"],
};

export default config;
