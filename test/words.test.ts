import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EXCEPTIONS, type Exception } from "./words/exceptions.ts";
import { type Piece, piecesOf, wordsOf } from "./words/reader.ts";
import { RULES, type Rule } from "./words/words.ts";

const ROOT = new URL("../", import.meta.url);
const FOLDERS = ["src", "test", "scripts", "bench", "examples", "docs", "migrations"];
const DOCUMENTS = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
const READ = /\.([cm]?[jt]s|md|sql|html|svg|jsonc)$/;
/** This check, which has to name the words. */
const SKIPPED = /^test\/words[./]/;
/**
 * Other people's code and words, and what is made. Not entered: an example's node_modules leads back to this checkout.
 * Folders that begin with a dot are skipped too: other tests write to them (.tmp, wrangler's).
 */
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set(["node_modules", "dist", "docs/api"]);

interface Found {
  readonly place: string;
  readonly file: string;
  readonly line: string;
  readonly word: string;
  readonly say: string;
}

const ruleOf = new Map<string, Rule>(RULES.flatMap((rule) => rule.not.map((word) => [word, rule])));

function check(file: string, text: string): Found[] {
  const path: Piece = { kind: "name", text: file, at: -1 };
  const found = [path, ...piecesOf(file, text)].flatMap((piece) =>
    wordsOf(piece).flatMap(({ kind, word, at }) => {
      const rule = ruleOf.get(word);
      if (rule === undefined || (rule.where === "names" && kind !== "name")) return [];
      return rule.under === undefined || rule.under.test(file) ? [{ word, at: piece === path ? -1 : at, rule }] : [];
    }),
  );
  return found.map(({ word, at, rule }) => {
    const number = text.slice(0, Math.max(at, 0)).split("\n").length;
    const line = at < 0 ? file : (text.split("\n")[number - 1] ?? "");
    return { place: at < 0 ? `${file} (its name)` : `${file}:${number}`, file, line, word, say: rule.say };
  });
}

function excuses({ word, file, line }: Exception, found: Found): boolean {
  const isWord = typeof word === "string" ? word === found.word : word.test(found.word);
  return isWord && (file?.test(found.file) ?? true) && (line?.test(found.line) ?? true);
}

function filesIn(folder: string): string[] {
  return readdirSync(new URL(`${folder}/`, ROOT), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (!entry.isDirectory()) return [path];
    if (entry.name.startsWith(".")) return [];
    return SKIPPED_FOLDERS.has(entry.name) || SKIPPED_FOLDERS.has(path) ? [] : filesIn(path);
  });
}

const files = [...DOCUMENTS, ...FOLDERS.flatMap(filesIn).filter((name) => READ.test(name) && !SKIPPED.test(name))];
const found = files.flatMap((file) => check(file, readFileSync(new URL(file, ROOT), "utf8")));

describe("one concept has one word", () => {
  it("in names, codes, SQL, comments, errors, docs and files", () => {
    const wrong = found.filter((one) => !EXCEPTIONS.some((exception) => excuses(exception, one)));
    expect(wrong.map(({ place, word, say }) => `${place}: "${word}"; say: ${say}`)).toEqual([]);
  });

  it("and each exception excuses something", () => {
    const idle = EXCEPTIONS.filter((exception) => !found.some((one) => excuses(exception, one)));
    expect(idle).toEqual([]);
  });

  it.each([
    ["an identifier", "const carrierId = 1;", "carrier"],
    ["an identifier in capitals", "const PACE_MS = 1;", "pace"],
    ["a code", 'const code = "slot-given";', "slot"],
    ["SQL", `const sql = \`select pending_seq from t where id = \${id}\`;`, "pending"],
    ["what comes behind an inserted value", `const text = \`\${id} was buried\`;`, "buried"],
    ["what comes behind a regular expression", 'const pattern = /"/; // The teller.', "teller"],
    ["a comment", "/** Whatever it throws. */", "whatever"],
    ["an error", 'throw new Error("the gate is shut");', "gate"],
  ])("finds a word in %s", (_, code, word) => {
    expect(check("src/example.ts", code).map((one) => one.word)).toEqual([word]);
  });

  it("finds a word in a document and in a file's name, and says where and what to say", () => {
    expect(check("docs/example.md", "One.\n\nThe bell says so.").map(({ place, say }) => [place, say])).toEqual([
      ["docs/example.md:3", "wake-up, notify"],
    ]);
    expect(check("src/bell.ts", "").map(({ place }) => place)).toEqual(["src/bell.ts (its name)"]);
  });

  it("lets whole words alone that have one in them", () => {
    expect(check("src/example.ts", "const heartbeat = delegate(string, option); // A deadline, a strings.")).toEqual(
      [],
    );
  });
});
