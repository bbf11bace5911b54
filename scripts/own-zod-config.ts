import { readFile } from "node:fs/promises";
import type { Options } from "tsup";

type Plugin = NonNullable<Options["esbuildPlugins"]>[number];

/**
 * Gives the bundled zod a configuration of its own. zod stores it on `globalThis`. So a service that calls `z.config()`
 * of another copy would change how ownline checks its options, and ownline would change the service's checks.
 */
export const ownZodConfig: Plugin = {
  name: "own-zod-config",
  setup({ onLoad }) {
    onLoad({ filter: /[\\/]zod[\\/]v4[\\/]core[\\/]core\.js$/ }, async ({ path }) => {
      const source = await readFile(path, "utf8");
      const contents = source.replaceAll("globalThis", "ownZodScope");
      if (!contents.includes("ownZodScope.__zod_globalConfig")) {
        throw new Error(
          "zod keeps its configuration elsewhere now: find out where, and mend scripts/own-zod-config.ts",
        );
      }
      return { contents: `const ownZodScope = { __zod_globalConfig: { jitless: true } };\n${contents}`, loader: "js" };
    });
  },
};
