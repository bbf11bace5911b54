import { spawnSync } from "node:child_process";
import { basename, dirname, join } from "node:path";
import { build, type Plugin } from "vite";
import { describe, expect, it, vi } from "vitest";
import { entries, outputOf } from "../scripts/entries.ts";
import { ROOT } from "./docs/code-blocks.ts";

vi.setConfig({ testTimeout: 60_000 });

/** Entries that run on Node alone. */
const NODE_ONLY = /^\.\/(http\/(node|express)|testing\/node)$/;

/** What an entry carries of other entries, on purpose; files under `src`. */
const CARRIES: Readonly<Record<string, RegExp>> = {
  // The defaults: both policies, and the reply as segments.
  ".": /^(policy\/(opt-out(\/.+)?|loop-guard)\.ts|segments\/.+)$/,
  "./http/express": /^http\/node\.ts$/,
  "./http/sse": /^engine\/options\/clock\.ts$/,
  // What memory judges, MongoDB judges by the same code, over the documents that it has locked.
  "./storage/mongodb": /^storage\/memory\/.+$/,
  // The contract of the queue runs whole conversations on memory.
  "./testing":
    /^(engine|segments|storage\/memory)\/|^(ownline|http\/handler|storage\/memory|policy\/(opt-out(\/.+)?|loop-guard))\.ts$/,
  "./testing/node": /^(segments\/.+|transport\/twilio\/signature\.ts)$/,
};

/** The entry whose code a file is: a subpath has its own file and its own folder. The rest is shared. */
function ownerOf(file: string): string | undefined {
  if (/^(engine\/|index\.ts|ownline\.ts|http\/handler\.ts)/.test(file)) return ".";
  const owners = Object.entries(entries).flatMap(([subpath, source]) => {
    const path = source.slice("src/".length).replace(/\.ts$/, "");
    const folder = basename(dirname(path)) === basename(path) ? dirname(path) : path;
    return file === `${path}.ts` || file.startsWith(`${folder}/`) ? [subpath] : [];
  });
  // `./testing/node` lies in the folder of `./testing`.
  return owners.toSorted((one, other) => other.length - one.length)[0];
}

interface Loaded {
  /** Below `src`. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
  /** What is left of a bare import, minified. */
  readonly code: string;
}

/** Everything that `import "…"` of an entry loads, and what a bundler keeps of it. */
async function load(source: string): Promise<Loaded> {
  const files: string[] = [];
  const packages = new Set<string>();
  const START = "virtual:start";
  const watch: Plugin = {
    name: "watch",
    enforce: "pre",
    resolveId(id, importer) {
      if (id === START) return id;
      if (/^[./]/.test(id)) return undefined;
      // The bundler's own runtime asks for node:module.
      if (importer?.includes("/src/")) packages.add(id);
      return { id, external: true, moduleSideEffects: false };
    },
    load: (id) => (id === START ? `import ${JSON.stringify(join(ROOT, source))};` : undefined),
    transform(_code, id) {
      if (id.startsWith(join(ROOT, "src/"))) files.push(id.slice(join(ROOT, "src/").length));
    },
  };
  const built = await build({
    configFile: false,
    root: ROOT,
    logLevel: "silent",
    plugins: [watch],
    build: { ssr: true, write: false, minify: true, rollupOptions: { input: START } },
  });
  const [output] = [built].flat();
  if (output === undefined || !("output" in output)) throw new Error("the bundler wrote nothing");
  const code = output.output.map((chunk) => (chunk.type === "chunk" ? chunk.code : "")).join("");
  return { files, packages: [...packages], code: code.replace(/\/\/#.*|\/\*.*?\*\//g, "").trim() };
}

describe("an entry", () => {
  it.each(Object.entries(entries))(
    "%s carries no other entry's code, and Node's modules only where it may",
    async (subpath, source) => {
      const { files, packages } = await load(source);
      expect(files).toContain(source.slice("src/".length));
      expect(
        files.filter((file) => ![undefined, subpath].includes(ownerOf(file)) && !CARRIES[subpath]?.test(file)),
      ).toEqual([]);
      const ofNode = packages.filter((name) => name.startsWith("node:"));
      expect(NODE_ONLY.test(subpath) ? [] : ofNode).toEqual([]);
    },
  );

  it.each(Object.entries(entries))("%s leaves nothing behind where nothing of it is used", async (_, source) => {
    expect((await load(source)).code).toMatch(/^(export\s*\{\s*\};?)?$/);
  });

  it.each(Object.entries(entries))("%s does nothing while it is loaded", async (subpath, source) => {
    const { packages } = await load(source);
    const program = `
      const look = () => JSON.stringify([
        Reflect.ownKeys(globalThis).length,
        process.eventNames().map((name) => [String(name), process.listenerCount(name)]),
        process.getActiveResourcesInfo().filter((name) => name === "Timeout" || name === "Immediate" || /Server|Socket/.test(name)),
        Object.keys(process.env).length,
      ]);
      // What others do while they are loaded is theirs.
      for (const name of JSON.parse(process.env.PACKAGES)) await import(name);
      const before = look();
      await import(process.env.ENTRY);
      if (look() !== before) console.log(before, look());
    `;
    const { status, stdout, stderr } = spawnSync(process.execPath, ["--input-type=module", "--eval", program], {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, ENTRY: join(ROOT, "dist", `${outputOf(subpath)}.js`), PACKAGES: JSON.stringify(packages) },
    });
    expect([status, stdout, stderr]).toEqual([0, "", ""]);
  });
});
