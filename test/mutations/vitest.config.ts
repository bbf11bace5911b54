import { fileURLToPath } from "node:url";
import type { ViteUserConfig } from "vitest/config";

/** What a copy without a guard is held against beside the storage contract: tests of one ledger, and of the engine. */
const config: ViteUserConfig = {
  test: {
    include: ["test/{storage,engine}/*.test.ts"],
    globalSetup: fileURLToPath(new URL("../databases/global-setup.ts", import.meta.url)),
    testTimeout: 30_000,
    restoreMocks: true,
    bail: 1,
  },
};

export default config;
