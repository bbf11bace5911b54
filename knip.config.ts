import type { KnipConfig } from "knip";
import { entries } from "./scripts/entries.ts";

const config: KnipConfig = {
  entry: [
    ...Object.values(entries).map((source) => `${source}!`),
    "scripts/{build,check,demo,test}.ts",
    "examples/*/src/server.ts",
    "test/**/*.test.ts",
  ],
  project: ["src/**/*.ts!", "test/**/*.ts", "scripts/**/*.{ts,cjs}", "examples/**/*.{ts,js}", "*.config.{ts,js}"],
  // A type that a public signature names is exported with it, also where nothing else imports it.
  ignoreExportsUsedInFile: { interface: true, type: true },
  // scripts/check.ts starts these by their command.
  ignoreDependencies: ["@arethetypeswrong/cli", "publint"],
};

export default config;
