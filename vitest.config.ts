import { fileURLToPath } from "node:url";
import type { ViteUserConfig } from "vitest/config";
import { ClosingReporter } from "./scripts/closing-reporter.ts";
import { entries, specifierOf } from "./scripts/entries.ts";

/** The examples import the package by its name; under test that is the source. */
const alias = Object.entries(entries).map(([subpath, source]) => ({
  find: new RegExp(`^${specifierOf(subpath)}$`),
  replacement: fileURLToPath(new URL(source, import.meta.url)),
}));

const config: ViteUserConfig = {
  resolve: { alias },
  test: {
    projects: [
      { extends: true, test: { name: "ownline", include: ["test/**/*.test.ts"] } },
      // The promises hold on memory and on SQLite alike: the engine's tests run a second time.
      {
        extends: true,
        test: {
          name: "engine on sqlite",
          include: ["test/engine/**/*.test.ts"],
          exclude: ["test/engine/options.test.ts"],
          env: { OWNLINE_TEST_LEDGER: "sqlite" },
        },
      },
    ],
    reporters: ["default", new ClosingReporter()],
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    coverage: {
      provider: "v8",
      include: ["src/**/*.ts"],
      reporter: ["text", "html"],
    },
  },
};

export default config;
