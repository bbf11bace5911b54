import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { builtKind } from "../scripts/build-stamp.ts";
import { blocksOfPage, blocksOfSource, type CodeBlock, pages, ROOT, readPage, sources } from "./docs/code-blocks.ts";

/**
 * `runs` is executed too; `continues` goes on from the block before it on the same page; `framework` needs a framework,
 * and is run by `npm run test:long -- frameworks`.
 */
const TAGS = new Set(["runs", "continues", "framework"]);
const LANGUAGES = new Set(["ts", "typescript", "tsx", "js", "javascript", "mjs", "cjs", "jsx"]);
/** The README's first program has to fit on one screen. */
const QUICK_START_LINES = 15;
const RUN_TIMEOUT_MS = 30_000;

const all: readonly CodeBlock[] = [
  ...pages().flatMap((file) => blocksOfPage(file, readPage(file))),
  ...sources().flatMap((file) => blocksOfSource(file, readPage(file))),
];
const programs = all.filter((block) => LANGUAGES.has(block.language));

interface Program {
  readonly block: CodeBlock;
  readonly text: string;
  /** How many lines of `text` stand before the block's own. */
  readonly linesBefore: number;
}

/** Joins each block that continues to those it continues from. */
function joined(blocks: readonly CodeBlock[]): Program[] {
  const found: Program[] = [];
  for (const block of blocks) {
    const previous = found.at(-1);
    const continues = block.tags.includes("continues") && previous?.block.file === block.file;
    const before = continues ? previous.text : "";
    found.push({ block, text: before + block.code, linesBefore: before.split("\n").length - 1 });
  }
  return found;
}

/** Type-checks all blocks in one go against the sources; each mistake as `file:line: message`. */
function mistakesIn(blocks: readonly CodeBlock[], changes: ts.CompilerOptions = {}): string[] {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, ROOT);
  const files = new Map(
    joined(blocks).map((program, index) => {
      const extension = /^j|^[mc]js/.test(program.block.language) ? "js" : "ts";
      // The closing export makes each block a module: its names are its own, and it may await.
      return [`${ROOT}test/docs/block-${index}.${extension}`, { ...program, text: `${program.text}export {};\n` }];
    }),
  );
  const compilerOptions: ts.CompilerOptions = {
    ...options,
    allowJs: true,
    checkJs: true,
    isolatedDeclarations: false,
    declaration: false,
    ...changes,
  };
  const host = ts.createCompilerHost(compilerOptions);
  const { fileExists, readFile } = host;
  host.fileExists = (name) => files.has(name) || fileExists.call(host, name);
  host.readFile = (name) => files.get(name)?.text ?? readFile.call(host, name);
  const { getSourceFile } = host;
  host.getSourceFile = (name, languageVersion, ...rest) => {
    const text = files.get(name)?.text;
    if (text !== undefined) return ts.createSourceFile(name, text, languageVersion);
    return getSourceFile.call(host, name, languageVersion, ...rest);
  };
  const program = ts.createProgram([...files.keys()], compilerOptions, host);
  return [...files].flatMap(([name, { block, linesBefore }]) => {
    const file = program.getSourceFile(name);
    if (file === undefined) return [`${block.file}:${block.line}: the block was not compiled`];
    return ts.getPreEmitDiagnostics(program, file).flatMap(({ start = 0, messageText }) => {
      const line = file.getLineAndCharacterOfPosition(start).line - linesBefore;
      // What stands in a block that this one continues is reported there.
      return line < 0
        ? []
        : [`${block.file}:${block.line + line}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`];
    });
  });
}

/** Runs a program against the built package, from the checkout so that `ownline` resolves, in an empty folder. */
function run({ block, text }: Program): string {
  const folder = join(ROOT, ".tmp", "docs");
  mkdirSync(folder, { recursive: true });
  const file = join(
    folder,
    `${block.file.replaceAll(/\W+/g, "-")}-${block.line}.${block.language === "cjs" ? "cjs" : "ts"}`,
  );
  writeFileSync(file, text);
  const cwd = mkdtempSync(join(tmpdir(), "ownline-docs-"));
  try {
    const { status, signal, stderr } = spawnSync(process.execPath, [file], {
      cwd,
      encoding: "utf8",
      timeout: RUN_TIMEOUT_MS,
    });
    return status === 0 ? "" : `${block.file}:${block.line}: ended with ${signal ?? status}\n${stderr}`;
  } finally {
    rmSync(cwd, { recursive: true, force: true });
  }
}

describe("the code of README, docs and docstrings", () => {
  it("compiles against the sources", () => {
    expect(mistakesIn(programs.filter(({ tags }) => !tags.includes("framework")))).toEqual([]);
  }, 60_000);

  it("compiles where a project has TypeScript's strict mode and nothing stricter", () => {
    const plain = { exactOptionalPropertyTypes: false, noUncheckedIndexedAccess: false };
    expect(
      mistakesIn(
        programs.filter(({ tags }) => !tags.includes("framework")),
        plain,
      ),
    ).toEqual([]);
  }, 60_000);

  it("is tagged with words that mean something", () => {
    const odd = programs.filter(({ tags }) => !tags.every((tag) => TAGS.has(tag)));
    expect(odd.map(({ file, line, tags }) => `${file}:${line}: ${tags.join(" ")}`)).toEqual([]);
  });

  it("names its language in every block", () => {
    expect(all.filter(({ language }) => language === "").map(({ file, line }) => `${file}:${line}`)).toEqual([]);
  });

  it("is JSON where it says so", () => {
    for (const { file, line, code } of all.filter(({ language }) => language === "json")) {
      expect(() => JSON.parse(code), `${file}:${line}`).not.toThrow();
    }
  });

  it("begins in the README with a quick start of at most 15 lines that runs", () => {
    const quickStart = programs.find(({ file, tags }) => file === "README.md" && tags.includes("runs"));
    if (quickStart === undefined) throw new Error("README.md has no block that begins with ```ts runs");
    expect(quickStart.code.trimEnd().split("\n").length).toBeLessThanOrEqual(QUICK_START_LINES);
  });

  const runnable = joined(programs).filter(({ block }) => block.tags.includes("runs"));
  it.each(runnable.map((program) => [`${program.block.file}:${program.block.line}`, program] as const))(
    "runs: %s",
    (_, program) => {
      expect(builtKind(), "dist is missing or older than src: `npm run build` first (`npm test` does)").toBeDefined();
      expect(run(program)).toBe("");
    },
    RUN_TIMEOUT_MS * 2,
  );
});

describe("the reading of code blocks", () => {
  const page = "# T\n\n```ts runs\nconst a: string = 'x';\n```\n\n- item\n\n  ```ts continues\n  a.nope();\n  ```\n";

  it("finds them in lists, with their lines and tags", () => {
    expect(blocksOfPage("p.md", page)).toEqual([
      { file: "p.md", line: 4, language: "ts", tags: ["runs"], code: "const a: string = 'x';\n" },
      { file: "p.md", line: 10, language: "ts", tags: ["continues"], code: "a.nope();\n" },
    ]);
  });

  it("finds them in doc comments", () => {
    const source =
      "const x = 1;\n/**\n * Does.\n *\n * @example\n * ```ts\n * if (x) {\n *   y();\n * }\n * ```\n */\n";
    expect(blocksOfSource("s.ts", source)).toEqual([
      { file: "s.ts", line: 7, language: "ts", tags: [], code: "if (x) {\n  y();\n}\n" },
    ]);
  });

  it("refuses a block that is never closed", () => {
    expect(() => blocksOfPage("p.md", "```ts\nx\n")).toThrow("p.md:1: a code block is opened and never closed");
  });

  it("reports a mistake at its place on the page, once", () => {
    expect(mistakesIn(blocksOfPage("p.md", page))).toEqual([
      "p.md:10: Property 'nope' does not exist on type 'string'.",
    ]);
  }, 60_000);
});
