import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT: string = fileURLToPath(new URL("../../", import.meta.url));

export interface CodeBlock {
  /** Relative to the project, for example `docs/guide/webhook-setup.md`. */
  readonly file: string;
  /** The line of the first line of code in that file, from 1. */
  readonly line: number;
  readonly language: string;
  /** What follows the language: `runs`, `continues`. */
  readonly tags: readonly string[];
  readonly code: string;
}

/** The pages that people read: README, CONTRIBUTING and everything in `docs` that is not generated. */
export function pages(): string[] {
  const guides = readdirSync(join(ROOT, "docs"), { recursive: true, encoding: "utf8" })
    .map((name) => `docs/${name.replaceAll("\\", "/")}`)
    .filter((name) => name.endsWith(".md") && !name.startsWith("docs/api/"));
  const loose = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/express/README.md"];
  return [...loose.filter((name) => existsSync(ROOT + name)), ...guides.toSorted()];
}

export function sources(): string[] {
  return readdirSync(join(ROOT, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `src/${name.replaceAll("\\", "/")}`)
    .toSorted();
}

export function readPage(file: string): string {
  return readFileSync(ROOT + file, "utf8");
}

/** Every fenced block of a Markdown page, in order. */
export function blocksOfPage(file: string, text: string): CodeBlock[] {
  return fencedBlocks(file, text.split("\n"), 0);
}

/** Every fenced block inside the doc comments of a source. */
export function blocksOfSource(file: string, text: string): CodeBlock[] {
  return [...text.matchAll(/^[ \t]*\/\*\*[\s\S]*?\*\//gm)].flatMap((comment) => {
    const before = text.slice(0, comment.index).split("\n").length - 1;
    const lines = comment[0].split("\n").map((line) => line.replace(/^[ \t]*\* ?/, ""));
    return fencedBlocks(file, lines, before);
  });
}

function fencedBlocks(file: string, lines: readonly string[], linesBefore: number): CodeBlock[] {
  const blocks: CodeBlock[] = [];
  let open: { fence: string; indent: number; line: number; info: string[]; code: string[] } | undefined;
  for (const [index, line] of lines.entries()) {
    const [, indent = "", fence = "", info = ""] = /^([ \t]*)(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence === "") continue;
      const words = info.trim().split(/\s+/);
      open = { fence, indent: indent.length, line: linesBefore + index + 2, info: words, code: [] };
    } else if (fence.startsWith(open.fence) && info.trim() === "") {
      const [language = "", ...tags] = open.info;
      blocks.push({ file, line: open.line, language, tags, code: `${open.code.join("\n")}\n` });
      open = undefined;
    } else {
      open.code.push(line.slice(Math.min(open.indent, line.length - line.trimStart().length)));
    }
  }
  if (open !== undefined) throw new Error(`${file}:${open.line - 1}: a code block is opened and never closed`);
  return blocks;
}
