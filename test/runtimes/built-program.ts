import { join } from "node:path";
import { build } from "tsup";

/** Makes one file of the cases, which imports the installed package: an old Node reads no TypeScript. */
export async function buildProgram(outDir: string): Promise<void> {
  await build({
    config: false,
    entry: { program: join(import.meta.dirname, "program.ts") },
    outDir,
    outExtension: () => ({ js: ".mjs" }),
    format: "esm",
    target: "node20",
    external: [/^ownline/, "pg"],
    removeNodeProtocol: false,
    silent: true,
  });
}
