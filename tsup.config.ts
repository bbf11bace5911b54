import type { Options } from "tsup";
import { entries, outputOf } from "./scripts/entries.ts";
import { ownZodConfig } from "./scripts/own-zod-config.ts";

/** `OWNLINE_BUILD=js` leaves the declarations out: seconds instead of half a minute, enough to run the demo. */
const scriptsOnly = process.env.OWNLINE_BUILD === "js";

const config: Options = {
  entry: Object.fromEntries(Object.entries(entries).map(([subpath, source]) => [outputOf(subpath), source])),
  format: ["esm", "cjs"],
  target: "node20",
  // The core runs at the edge as well; with platform "node" esbuild would let a stray built-in pass.
  platform: "neutral",
  // One class per error and one copy of each module, however many entries a service imports.
  splitting: true,
  // node:sqlite exists only under its full name.
  removeNodeProtocol: false,
  external: [/^node:/],
  // Finding and loading this small package was a third of the time that importing ownline takes.
  // zod's own entries load 64 languages: 40 ms instead of 5, and its configuration is shared by all copies in a process.
  noExternal: ["eventemitter3", "zod"],
  esbuildPlugins: [ownZodConfig],
  tsconfig: "tsconfig.build.json",
  dts: !scriptsOnly,
  clean: true,
  silent: true,
};

export default config;
