import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { builtKind } from "../scripts/build-stamp.ts";
import { linkSelf } from "../scripts/link-self.ts";
import { blocksOfPage, type CodeBlock, pages, ROOT, readPage } from "./docs/code-blocks.ts";

const VITEST = join(ROOT, "node_modules", "vitest", "vitest.mjs");
const TIMEOUT_MS = 60_000;

/** Suites on the pages that are written for vitest; those for other runners are programs, see docs.test.ts. */
const suites = pages()
  .flatMap((page) => blocksOfPage(page, readPage(page)))
  .filter(({ language, code }) => language === "ts" && /from "vitest"/.test(code));

/** Runs a suite as a user would: a vitest of its own, without this project's settings, on the built package. */
function run({ file, line, code }: CodeBlock): string {
  linkSelf();
  const parent = join(ROOT, ".tmp", "docs-vitest");
  mkdirSync(parent, { recursive: true });
  // Inside the checkout, so that vitest and ownline resolve.
  const folder = mkdtempSync(join(parent, "suite-"));
  try {
    writeFileSync(join(folder, "suite.test.ts"), code);
    const args = [VITEST, "run", "--root", folder, "--reporter", "dot"];
    const { status, signal, stdout, stderr } = spawnSync(process.execPath, args, {
      encoding: "utf8",
      timeout: TIMEOUT_MS,
      env: { ...process.env, NO_COLOR: "1" },
    });
    return status === 0 ? "" : `${file}:${line}: ended with ${signal ?? status}\n${stdout}${stderr}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the vitest suites of the docs", () => {
  it("are found", () => {
    expect(suites.map(({ file }) => file)).toContain("docs/guide/testing.md");
  });

  it.each(suites.map((suite) => [`${suite.file}:${suite.line}`, suite] as const))(
    "pass: %s",
    (_, suite) => {
      expect(builtKind(), "dist is missing or older than src: `npm run build` first (`npm test` does)").toBeDefined();
      expect(run(suite)).toBe("");
    },
    TIMEOUT_MS * 2,
  );

  it(
    "are seen to fail where they fail",
    () => {
      const code = 'import { expect, it } from "vitest";\nit("fails", () => expect(1).toBe(2));\n';
      expect(run({ file: "page.md", line: 1, language: "ts", tags: [], code })).toContain("page.md:1: ended with 1");
    },
    TIMEOUT_MS,
  );
});
