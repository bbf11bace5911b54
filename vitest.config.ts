import { fileURLToPath } from "node:url";
import { cloudflareTest, readD1Migrations } from "@cloudflare/vitest-plugin";
import type { ViteUserConfig } from "vitest/config";
import { ClosingReporter } from "./scripts/closing-reporter.ts";
import { entries, outputOf, specifierOf } from "./scripts/entries.ts";

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

const aliases = (fileOf: (subpath: string, source: string) => string) =>
  Object.entries(entries).map(([subpath, source]) => ({
    find: new RegExp(`^${specifierOf(subpath)}$`),
    replacement: at(fileOf(subpath, source)),
  }));

/** The examples import the package by its name; under test that is the source. */
const alias = aliases((_, source) => source);

/** What takes minutes, or needs what few have: `npm run test:long`. */
const LONG = "test/**/*.long.test.ts";

/** Other runtimes run what a user installs. */
const built = aliases((subpath) => `dist/${outputOf(subpath)}.js`);

const config: ViteUserConfig = {
  test: {
    projects: [
      {
        extends: true,
        resolve: { alias },
        test: {
          name: "ownline",
          include: ["test/**/*.test.ts"],
          // What installs from the registry has scripts of its own.
          exclude: [LONG, "test/runtimes/workerd/**", "test/install/**", "test/frameworks/**"],
          // Starts a PostgreSQL server.
          globalSetup: at("test/databases/global-setup.ts"),
        },
      },
      // The promises hold on memory and on SQLite alike: the engine's tests run a second time.
      {
        extends: true,
        resolve: { alias },
        test: {
          name: "engine on sqlite",
          include: ["test/engine/**/*.test.ts"],
          exclude: ["test/engine/{option-schemas,options}.test.ts"],
          env: { OWNLINE_TEST_LEDGER: "sqlite" },
        },
      },
      {
        extends: true,
        resolve: { alias },
        test: { name: "long", include: [LONG], globalSetup: at("test/databases/global-setup.ts") },
      },
      // The runtime of Cloudflare's Workers, with a real D1.
      {
        extends: true,
        resolve: { alias: built },
        plugins: [
          cloudflareTest(async () => ({
            wrangler: { configPath: at("test/runtimes/workerd/wrangler.jsonc") },
            miniflare: { bindings: { MIGRATIONS: await readD1Migrations(at("migrations/d1")) } },
          })),
        ],
        test: { name: "workerd", include: ["test/runtimes/workerd/**/*.test.ts"] },
      },
    ],
    reporters: ["default", new ClosingReporter()],
    // A busy machine is slow, not wrong.
    testTimeout: 30_000,
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
