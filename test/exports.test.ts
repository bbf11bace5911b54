import { existsSync, readFileSync } from "node:fs";
import { basename, posix } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { entries, outputOf, specifierOf } from "../scripts/entries.ts";
import tsup from "../tsup.config.ts";
import { ROOT, readPage, sources } from "./docs/code-blocks.ts";

const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));
const subpaths = Object.keys(entries);

describe("the package's entries", () => {
  it("each stand for a file that exists", () => {
    expect(Object.values(entries).filter((source) => !existsSync(ROOT + source))).toEqual([]);
  });

  it("follow the rule: the subpath is the path, a folder's face bears its name", () => {
    for (const [subpath, source] of Object.entries(entries)) {
      const path = outputOf(subpath);
      const faces = [`src/${path}.ts`, `src/${path}/${basename(path)}.ts`];
      expect(
        faces.filter((face) => existsSync(ROOT + face)),
        subpath,
      ).toEqual([source]);
    }
  });

  it("reach every source: a file that nothing imports is published, or it is unused", () => {
    const all = sources();
    const imported = new Set(
      all.flatMap((file) =>
        [...readPage(file).matchAll(/\bfrom "(\.[^"]+)"|\bimport(?:\(| )"(\.[^"]+)"/g)].map(([, from, bare]) =>
          posix.join(posix.dirname(file), from ?? bare ?? ""),
        ),
      ),
    );
    const published = new Set(Object.values(entries));
    expect(all.filter((file) => !imported.has(file) && !published.has(file))).toEqual([]);
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
  it("asks a user's service for nothing but eventemitter3", () => {
    expect(Object.keys(manifest.dependencies).toSorted()).toEqual(["eventemitter3"]);
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
      ([, version]) => !/^\d+\.\d+\.\d+(-[a-z]+\.\d+)?$/.test(String(version)),
    );
    expect(loose).toEqual([]);
  });
});
