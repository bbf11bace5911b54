import { fileURLToPath } from "node:url";
import type { ViteUserConfig } from "vitest/config";
import { ClosingReporter } from "../../scripts/closing-reporter.ts";

/** Installs from npm's registry, so it is no part of `npm test`: `npm run test:long -- install`. */
const config: ViteUserConfig = {
  test: {
    include: ["test/install/*.test.ts"],
    globalSetup: fileURLToPath(new URL("../databases/global-setup.ts", import.meta.url)),
    reporters: ["default", new ClosingReporter()],
    testTimeout: 120_000,
    hookTimeout: 300_000,
  },
};

export default config;
