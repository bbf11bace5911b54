import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import ts from "typescript";

/*
 * `npm run options-page` writes docs/guide/options.md from the docstrings of the options, so that the page and the code
 * always agree. `test/docs-drift.test.ts` fails if the page is older than the docstrings.
 */

/** One table of the page: an interface of options, and the prefix of its options. */
interface Section {
  readonly title: string;
  readonly file: string;
  readonly name: string;
  /** In front of each option's name. */
  readonly prefix: string;
}

const ENGINE = "src/engine/options/options.ts";
const TWILIO = "src/transport/twilio/options.ts";

const SECTIONS: readonly Section[] = [
  { title: "ownline({ … })", file: ENGINE, name: "OwnlineOptions", prefix: "" },
  { title: "burst: messages that come close together", file: ENGINE, name: "BurstOptions", prefix: "burst." },
  { title: "answer: asking the AI", file: ENGINE, name: "AnswerOptions", prefix: "answer." },
  { title: "history: what the AI sees", file: ENGINE, name: "HistoryOptions", prefix: "history." },
  { title: "sending: what leaves, and when", file: ENGINE, name: "SendingOptions", prefix: "sending." },
  { title: "sweep: looking for lost webhooks", file: ENGINE, name: "SweepOptions", prefix: "sweep." },
  { title: "worker: the loop", file: ENGINE, name: "WorkerOptions", prefix: "worker." },
  { title: "unsafe: switching safeties off", file: ENGINE, name: "UnsafeOptions", prefix: "unsafe." },
  { title: "twilio({ … }) with an account", file: TWILIO, name: "TwilioAccountOptions", prefix: "" },
  { title: "twilio({ … }) with a client", file: TWILIO, name: "TwilioClientOptions", prefix: "" },
  { title: "optOut({ … })", file: "src/policy/opt-out/options.ts", name: "OptOutOptions", prefix: "" },
  { title: "loopGuard({ … })", file: "src/policy/loop-guard.ts", name: "LoopGuardOptions", prefix: "" },
  { title: "sqlite(path, { … })", file: "src/storage/sqlite.ts", name: "SqliteOptions", prefix: "" },
  { title: "postgres(pool, { … })", file: "src/storage/postgres.ts", name: "PostgresOptions", prefix: "" },
  { title: "mongodb(client, { … })", file: "src/storage/mongodb.ts", name: "MongodbOptions", prefix: "" },
];

const INTRO = `# Options

Every option, its default and what it does. The page is made from the docstrings by \`npm run options-page\`; your editor shows the same words. An option that is misspelt, or has a value that cannot work, is an \`invalid_options\` error at the start that names the option and the remedy.
`;

const ROOT = fileURLToPath(new URL("../", import.meta.url));
export const PAGE: string = `${ROOT}docs/guide/options.md`;

/** The whole page. */
export function optionsPage(): string {
  return [INTRO, ...SECTIONS.map(sectionOf)].join("\n");
}

function sectionOf({ title, file, name, prefix }: Section): string {
  const rows = membersOf(file, name).map((member) => rowOf(member, prefix));
  if (rows.length === 0) throw new Error(`${file} has no interface ${name} with options.`);
  return `## ${title}\n\n| Option | Default | What it does |\n|---|---|---|\n${rows.join("\n")}\n`;
}

/** The members of an interface. The members of the interfaces that it extends come first. */
function membersOf(file: string, name: string): ts.PropertySignature[] {
  const source = ts.createSourceFile(file, readFileSync(ROOT + file, "utf8"), ts.ScriptTarget.Latest, true);
  const found = source.statements.find(
    (statement) => ts.isInterfaceDeclaration(statement) && statement.name.text === name,
  );
  if (found === undefined || !ts.isInterfaceDeclaration(found)) return [];
  const bases = (found.heritageClauses ?? []).flatMap(({ types }) =>
    types.map(({ expression }) => expression.getText()),
  );
  return [...bases.flatMap((base) => membersOf(file, base)), ...found.members.filter(ts.isPropertySignature)].filter(
    ({ type }) => type?.kind !== ts.SyntaxKind.NeverKeyword,
  );
}

function rowOf(member: ts.PropertySignature, prefix: string): string {
  const docs = ts.getJSDocCommentsAndTags(member).find(ts.isJSDoc);
  const tag = ts.getJSDocTags(member).find(({ tagName }) => tagName.text === "default");
  const type = member.type?.getText() ?? "";
  const group = SECTIONS.find(({ name }) => type === name);
  const name = `\`${prefix}${member.name.getText()}\``;
  if (group !== undefined && docs?.comment === undefined) return `| ${name} | | see ${group.title} |`;
  const fallback = member.questionToken === undefined ? "required" : textOf(tag?.comment);
  const about = docs?.comment === undefined ? `a \`${type}\`` : textOf(docs.comment);
  return `| ${name} | ${cell(fallback)} | ${cell(about)} |`;
}

/** A comment as one line. A link becomes the name that it links to, as code. */
function textOf(comment: string | ts.NodeArray<ts.JSDocComment> | undefined): string {
  const parts = typeof comment === "string" ? [comment] : (comment ?? []).map(partOf);
  return parts
    .join("")
    .replaceAll(/\s*\n\s*/g, " ")
    .trim();
}

function partOf(part: ts.JSDocComment): string {
  return ts.isJSDocLink(part) && part.name !== undefined ? `\`${part.name.getText()}\`` : part.text;
}

/** Shows a value as code if it is code. A `|` would end the table's cell. */
function cell(text: string): string {
  const isValue = /^("[^"]*"|-?\d+|true|false)$/.test(text);
  return (isValue ? `\`${text}\`` : text).replaceAll("|", "\\|");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(PAGE, optionsPage());
