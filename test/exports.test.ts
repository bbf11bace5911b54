import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { entries, outputOf, specifierOf } from "../scripts/entries.ts";
import tsup from "../tsup.config.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
const subpaths = Object.keys(entries);

describe("the package's entries", () => {
  it("each stand for a file that exists", () => {
    expect(Object.values(entries).filter((source) => !existsSync(ROOT + source))).toEqual([]);
  });

  it("follow the rule: the subpath is the path, a folder's face bears its name", () => {
    for (const [subpath, source] of Object.entries(entries)) {
      const path = outputOf(subpath);
      const face = `src/${path}/${basename(path)}.ts`;
      expect(source, subpath).toBe(existsSync(dirname(ROOT + face)) ? face : `src/${path}.ts`);
    }
  });

  it("leave no face of an adapter folder unpublished", () => {
    // A new storage, AI or policy is a new file beside its port; it is published, or it is not finished.
    const published = new Set(Object.values(entries));
    const inside = new Set([
      "ai/ai.ts",
      "ai/function.ts",
      "policy/policy.ts",
      "storage/storage.ts",
      "storage/clock.ts",
    ]);
    const candidates = ["storage", "ai", "policy"].flatMap((folder) =>
      readdirSync(`${ROOT}src/${folder}`, { withFileTypes: true })
        .filter((file) => file.isFile())
        .map((file) => `${folder}/${file.name}`),
    );
    expect(candidates.filter((file) => !inside.has(file) && !published.has(`src/${file}`))).toEqual([]);
  });

  it("are the exports of package.json, in the same order", () => {
    const expected = subpaths.map((subpath) => {
      const file = `./dist/${outputOf(subpath)}`;
      return [
        subpath,
        {
          import: { types: `${file}.d.ts`, default: `${file}.js` },
          require: { types: `${file}.d.cts`, default: `${file}.cjs` },
        },
      ];
    });
    expect(Object.entries(manifest.exports)).toEqual([...expected, ["./package.json", "./package.json"]]);
    expect([manifest.main, manifest.module, manifest.types]).toEqual([
      "./dist/index.cjs",
      "./dist/index.js",
      "./dist/index.d.cts",
    ]);
  });

  it("are the typesVersions of package.json, for resolvers that know no exports", () => {
    const expected = subpaths.filter((subpath) => subpath !== ".").map(outputOf);
    expect(manifest.typesVersions).toEqual({
      "*": Object.fromEntries(expected.map((path) => [path, [`./dist/${path}.d.cts`]])),
    });
  });

  it("are what tsup builds", () => {
    if (typeof tsup === "function" || Array.isArray(tsup)) throw new Error("tsup.config.ts is one object");
    expect(tsup.entry).toEqual(
      Object.fromEntries(Object.entries(entries).map(([subpath, source]) => [outputOf(subpath), source])),
    );
  });

  it("resolve to their sources in this checkout", () => {
    const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
    for (const [subpath, source] of Object.entries(entries)) {
      const { resolvedModule } = ts.resolveModuleName(specifierOf(subpath), `${ROOT}test/x.ts`, options, ts.sys);
      expect(resolvedModule?.resolvedFileName, subpath).toBe(ROOT + source);
    }
  });
});

describe("package.json", () => {
  it("asks a user's service for nothing but zod and eventemitter3", () => {
    expect(Object.keys(manifest.dependencies).toSorted()).toEqual(["eventemitter3", "zod"]);
  });

  it("leaves the peers to the user's choice", () => {
    expect(Object.keys(manifest.peerDependencies)).toEqual(Object.keys(manifest.peerDependenciesMeta));
    for (const meta of Object.values(manifest.peerDependenciesMeta)) expect(meta).toEqual({ optional: true });
  });

  it("runs nothing on a user's machine when it is installed", () => {
    const onInstall = ["preinstall", "install", "postinstall", "prepare"];
    expect(onInstall.filter((name) => name in manifest.scripts)).toEqual([]);
  });

  it("names every tool at one exact version", () => {
    const loose = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies }).filter(
      ([, version]) => !/^\d+\.\d+\.\d+$/.test(String(version)),
    );
    expect(loose).toEqual([]);
  });
});
