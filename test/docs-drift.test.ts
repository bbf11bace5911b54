import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { posix } from "node:path";
import { describe, expect, it } from "vitest";
import { entries, specifierOf } from "../scripts/entries.ts";
import { optionsPage } from "../scripts/options-page.ts";
import { pages, ROOT, readPage } from "./docs/code-blocks.ts";
import { guards } from "./mutations/guards.ts";

const EXAMPLE = "examples/express";

/** `## How it *works*, really` is reached by `#how-it-works-really`, a second one by `…-1`: GitHub's rule. */
function anchorsOf(markdown: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, title = ""] of withoutCode(markdown).matchAll(/^#{1,6}[ \t]+(.+?)[ \t]*#*$/gm)) {
    const base = title
      .replaceAll(/!?\[([^\]]*)\]\([^)]*\)/g, "$1")
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\p{M}_\- ]/gu, "")
      .replaceAll(" ", "-");
    let anchor = base;
    for (let again = 1; anchors.has(anchor); again += 1) anchor = `${base}-${again}`;
    anchors.add(anchor);
  }
  for (const [, id = ""] of markdown.matchAll(/<a (?:id|name)="([^"]+)"/g)) anchors.add(id);
  return anchors;
}

/** Blanks fenced blocks, where a `#` is a comment and a `](` is code. */
function withoutCode(markdown: string): string {
  return markdown.replaceAll(/^([ \t]*)(`{3,}|~{3,})[\s\S]*?^[ \t]*\2[ \t]*$/gm, "");
}

/** The relative links of a page that lead nowhere, as `page: target`. */
function brokenLinks(page: string, markdown: string, read: (file: string) => string | undefined): string[] {
  const text = withoutCode(markdown);
  const targets = [
    ...text.matchAll(/\]\(<?([^)\s>]+)>?(?:\s+"[^"]*")?\)/g),
    ...text.matchAll(/^[ \t]*\[[^\]]+\]:[ \t]*<?([^\s>]+)/gm),
    ...text.matchAll(/\b(?:src|href)="([^"]+)"/g),
  ].map(([, target = ""]) => target);
  return targets
    .filter((target) => !/^[a-z][a-z0-9+.-]*:/i.test(target))
    .filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : posix.join(posix.dirname(page), decodeURIComponent(path));
      const found = read(file);
      return found === undefined || (anchor !== undefined && file.endsWith(".md") && !anchorsOf(found).has(anchor));
    })
    .map((target) => `${page}: ${target}`);
}

/** A file's text, the empty text for a folder, `undefined` where there is neither. */
function readAny(file: string): string | undefined {
  const path = ROOT + file;
  if (!existsSync(path)) return undefined;
  return statSync(path).isDirectory() ? "" : readFileSync(path, "utf8");
}

/** Whether a source declares a name at its top level. */
function declares(source: string, name: string): boolean {
  return new RegExp(`^(?:export )?(?:async )?(?:function|const|class|interface) ${name}\\b`, "m").test(source);
}

/** The first cell of each row in the tables whose first column is "Guard". */
function guardsNamed(markdown: string): string[] {
  const tables = markdown.matchAll(/^\| Guard \|.*\n\|[-|]+\n((?:\|.*\n)+)/gm);
  return [...tables].flatMap(([, rows = ""]) =>
    rows
      .trimEnd()
      .split("\n")
      .map((row) => row.split("|")[1]?.trim() ?? ""),
  );
}

/** Each `npm run x` that a page names and package.json does not have. */
function unknownScripts(markdown: string, scripts: readonly string[]): string[] {
  return [...markdown.matchAll(/\bnpm run ([\w:-]+)/g)]
    .map(([, name = ""]) => name)
    .filter((name) => !scripts.includes(name));
}

/** Variables that a source reads: `process.env.X`, `process.env["X"]`, or `env.X` of an `env` that was handed over. */
function variablesRead(source: string): string[] {
  const found = source.matchAll(/\benv(?:\.([A-Z][A-Z0-9_]*)\b|\[["']([A-Z][A-Z0-9_]*)["']\])/g);
  return [...found].map(([, dotted, quoted]) => dotted ?? quoted ?? "");
}

/** Variables that an `.env` file names, also those that are commented out. */
function variablesListed(dotenv: string): string[] {
  return [...dotenv.matchAll(/^[ \t]*(?:#[ \t]*)?([A-Z][A-Z0-9_]*)=/gm)].map(([, name = ""]) => name);
}

describe("the docs agree with the code", () => {
  const manifest = JSON.parse(readFileSync(`${ROOT}package.json`, "utf8"));

  it("docs/architecture.md names every subpath", () => {
    const text = readPage("docs/architecture.md");
    const missing = Object.keys(entries).filter((subpath) => !text.includes(`\`${specifierOf(subpath)}\``));
    expect(missing).toEqual([]);
  });

  it("docs/architecture.md says where things are: each file is there, and has what is named", () => {
    const [, table = ""] = /## Where is …\?\n([\s\S]*?)\n## /.exec(readPage("docs/architecture.md")) ?? [];
    const rows = [...table.matchAll(/^\| [^|]+\? \| `(src\/[^`]+)`[^|]*\| `(\w+)` \|$/gm)];
    const missing = rows.filter(([, file = "", name = ""]) => !declares(readAny(file) ?? "", name));
    expect(missing.map(([row]) => row)).toEqual([]);
    const named = [...table.matchAll(/`(src\/[^`]+)`/g)].map(([, file = ""]) => file);
    expect(named.filter((file) => readAny(file) === undefined)).toEqual([]);
    expect(rows).toHaveLength(
      table.split("\n").filter((line) => line.startsWith("| W") || line.startsWith("| H")).length,
    );
  });

  it("docs/guide/options.md is what `npm run options-page` makes of the docstrings", () => {
    expect(readPage("docs/guide/options.md"), "run `npm run options-page`").toBe(optionsPage());
  });

  it("every relative link leads to a file, and every anchor to a heading", () => {
    expect(pages().flatMap((page) => brokenLinks(page, readPage(page), readAny))).toEqual([]);
  });

  it("docs/evidence.md names guards as `npm run mutations` does", () => {
    const known = new Set(guards.map(({ guard }) => guard));
    const named = guardsNamed(readPage("docs/evidence.md"));
    expect(named.length).toBeGreaterThan(100);
    expect(named.filter((guard) => !known.has(guard))).toEqual([]);
  });

  it("every npm script that a page names exists", () => {
    const example = JSON.parse(readPage(`${EXAMPLE}/package.json`));
    const scripts = [manifest, example].flatMap((one) => Object.keys(one.scripts));
    expect(
      pages().flatMap((page) => unknownScripts(readPage(page), scripts).map((name) => `${page}: ${name}`)),
    ).toEqual([]);
  });

  it("the example's .env.example lists exactly the variables that the example reads", () => {
    const files = readdirSync(`${ROOT}${EXAMPLE}/src`, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    );
    const used = new Set(files.flatMap((name) => variablesRead(readPage(`${EXAMPLE}/src/${name}`))));
    const listed = new Set(variablesListed(readPage(`${EXAMPLE}/.env.example`)));
    expect([...listed].toSorted()).toEqual([...used].toSorted());
  });

  it("the changelog has a section for the version of package.json", () => {
    expect(readPage("CHANGELOG.md")).toMatch(
      new RegExp(`^## \\[?(Unreleased|${manifest.version.replaceAll(".", "\\.")})\\b`, "m"),
    );
  });
});

describe("the reading of the docs", () => {
  const files: Readonly<Record<string, string>> = {
    "README.md": "# ownline\n",
    "docs/a.md": "# A\n\n## What *is* it, `really`?\n\n## Twice\n\n## Twice\n\n```sh\n# not a heading\n```\n",
  };
  const known = (file: string): string | undefined => files[file];

  it("follows links to files and headings", () => {
    const page =
      "[a](a.md) [b](./a.md#what-is-it-really) [c](../README.md#ownline) [d](a.md#twice-1) [e](https://x.y/z)";
    expect(brokenLinks("docs/b.md", page, known)).toEqual([]);
  });

  it("names the links that lead nowhere", () => {
    const page =
      '[a](b.md) [b](a.md#nothing) [c](a.md#not-a-heading) [d](a.md "ok")\n\n[e]: c.md\n\n<img src="d.png">\n';
    expect(brokenLinks("docs/c.md", page, known)).toEqual([
      "docs/c.md: b.md",
      "docs/c.md: a.md#nothing",
      "docs/c.md: a.md#not-a-heading",
      "docs/c.md: c.md",
      "docs/c.md: d.png",
    ]);
  });

  it("names scripts that do not exist", () => {
    expect(unknownScripts("`npm run demo` and `npm run nope:this`", ["demo"])).toEqual(["nope:this"]);
  });

  it("sees variables on both sides", () => {
    expect(variablesRead('process.env.PORT ?? env["UI_PORT"]; environment.X; env.lower')).toEqual(["PORT", "UI_PORT"]);
    expect(variablesListed("PORT=3000\n# UI_PORT=8080\n# A comment = text\n")).toEqual(["PORT", "UI_PORT"]);
  });
});
