import type { ViteUserConfig } from "vitest/config";
import { ClosingReporter } from "../../scripts/closing-reporter.ts";

/** Installs each framework from npm's registry, so it is no part of `npm test`: `npm run test:long -- frameworks`. */
const config: ViteUserConfig = {
  test: {
    include: ["test/frameworks/*.test.ts"],
    reporters: ["default", new ClosingReporter()],
    testTimeout: 240_000,
    hookTimeout: 300_000,
  },
};

export default config;
