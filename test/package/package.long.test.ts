import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import ts from "typescript";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { entries, specifierOf } from "../../scripts/entries.ts";
import { stockNode, versionOf } from "../../scripts/stock-node.ts";
import { blocksOfPage, ROOT, readPage } from "../docs/code-blocks.ts";
import { type Consumer, installPackage } from "./consumer.ts";

// npm installs, Node starts and the compiler reads every declaration: seconds each, on a busy machine many.
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

const specifiers = Object.keys(entries).map(specifierOf);

let consumer: Consumer;
beforeAll(() => {
  consumer = installPackage();
  return () => consumer[Symbol.dispose]();
});

/** A program that loads every subpath, each on its own, and prints what it found. */
const load = (how: string): string => `
(async () => {
  const found = {};
  for (const name of ${JSON.stringify(specifiers)}) {
    try {
      found[name] = Object.keys(${how}(name)).length > 0 ? "loaded" : "empty";
    } catch (error) {
      found[name] = String(error);
    }
  }
  console.log(JSON.stringify(found));
})();
`;

const DIST = join(ROOT, "dist");

const everyLoaded = Object.fromEntries(specifiers.map((name) => [name, "loaded"]));

/** Errors of both formats and several entries, each judged by both formats. */
const ERRORS = `
import { createRequire } from "node:module";
import * as esm from "ownline";
import * as esmTwilio from "ownline/transport/twilio";
const require = createRequire(import.meta.url);
const cjs = require("ownline");
const cjsTwilio = require("ownline/transport/twilio");
const caught = (act) => { try { act(); } catch (error) { return error; } };
const errors = {
  "esm core": caught(() => esm.ownline({})),
  "cjs core": caught(() => cjs.ownline({})),
  "esm transport": caught(() => esmTwilio.twilio({})),
  "cjs transport": caught(() => cjsTwilio.twilio({})),
};
console.log(JSON.stringify({
  recognised: Object.entries(errors).filter(([, e]) => !esm.isOwnlineError(e) || !cjs.isOwnlineError(e)).map(([n, e]) => n + ": " + e),
  oneClass: [errors["esm transport"] instanceof esm.OwnlineError, errors["cjs transport"] instanceof cjs.OwnlineError],
  ordinary: esm.isOwnlineError(new Error("x")),
}));
`;

const SQLITE = `
const { sqlite } = require("ownline/storage/sqlite");
try {
  sqlite("conversations.db");
  console.log("opened");
} catch (error) {
  console.log(JSON.stringify({ code: error.code, message: error.message, own: require("ownline").isOwnlineError(error) }));
}
`;

const stock = stockNode();
const noStock = "the machine has no Node but the pinned one";
const nodes: readonly (readonly [name: string, node: string | undefined])[] = [
  [`the pinned Node ${process.version}`, process.execPath],
  [`the machine's own Node ${stock === undefined ? "" : versionOf(stock)}`.trimEnd(), stock],
];

describe.each(nodes)("the installed package on %s", (_, node) => {
  /** The program's output as JSON; its error output stands in the failure. */
  const printed = (name: string, text: string): unknown => {
    consumer.write(name, text);
    const { status, stdout, stderr } = consumer.run(node ?? "", name);
    expect(status, stderr).toBe(0);
    return JSON.parse(stdout);
  };
  it("imports every subpath", ({ skip }) => {
    skip(node === undefined, noStock);
    expect(printed("load.mjs", load("await import"))).toEqual(everyLoaded);
  });

  it("requires every subpath", ({ skip }) => {
    skip(node === undefined, noStock);
    expect(printed("load.cjs", load("require"))).toEqual(everyLoaded);
  });

  it("recognises its errors across entries and formats", ({ skip }) => {
    skip(node === undefined, noStock);
    expect(printed("errors.mjs", ERRORS)).toEqual({ recognised: [], oneClass: [true, true], ordinary: false });
  });
});

describe("the SQLite string form", () => {
  it("opens a file on the pinned Node", () => {
    consumer.write("sqlite.cjs", SQLITE);
    const { status, stdout, stderr } = consumer.run(process.execPath, "sqlite.cjs");
    expect(status, stderr).toBe(0);
    expect(stdout).toBe("opened\n");
  });

  it("says what to do where Node has no node:sqlite", ({ skip }) => {
    skip(stock === undefined || !versionOf(stock).startsWith("v20."), "the machine has no Node without node:sqlite");
    consumer.write("sqlite.cjs", SQLITE);
    const { status, stdout, stderr } = consumer.run(stock ?? "", "sqlite.cjs");
    expect(status, stderr).toBe(0);
    const error: unknown = JSON.parse(stdout);
    expect(error).toEqual({ code: "storage_unsupported", message: expect.stringMatching(/Node.*2[24]/), own: true });
  });
});

function quickStart(): string {
  const block = blocksOfPage("README.md", readPage("README.md")).find(({ tags }) => tags.includes("runs"));
  if (block === undefined) throw new Error("README.md has no block that begins with ```ts runs");
  return block.code;
}

describe("the quick start of the README, with the package installed", () => {
  const byRequire = (): string => {
    const { outputText } = ts.transpileModule(quickStart(), {
      compilerOptions: { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 },
    });
    return `(async () => {\n${outputText}\n})();\n`;
  };

  // The CommonJS build takes a class's field for an export of the same name in the same chunk, and overwrites it.
  it("overwrites no export by a class's field", () => {
    const taken = readdirSync(DIST, { recursive: true, encoding: "utf8" })
      .filter((file) => file.endsWith(".cjs"))
      .flatMap((file) => readFileSync(join(DIST, file), "utf8").match(/this\.\w+ = exports\.\w+/g) ?? []);
    expect(taken).toEqual([]);
  });

  it.for([
    ["by import", "the pinned Node", process.execPath, "start.mjs", quickStart],
    ["by require", "the pinned Node", process.execPath, "start.cjs", byRequire],
    ["by import", "the machine's own Node", stock, "start.mjs", quickStart],
    ["by require", "the machine's own Node", stock, "start.cjs", byRequire],
  ] as const)("runs %s on %s, and has both conversations answered", ([, , node, name, program], { skip }) => {
    skip(node === undefined, noStock);
    consumer.write(name, program());
    const { status, stdout, stderr } = consumer.run(node ?? "", name);
    expect([status, stderr]).toEqual([0, ""]);
    const origins = [...stdout.matchAll(/\((simulated|webhook|ai)\)/g)].map(([, origin]) => origin);
    expect(origins).toEqual(["simulated", "ai", "webhook", "ai"]);
  });
});

/** Imports every subpath and sees that none of them comes as `any`. */
function everything(names: readonly string[]): string {
  return `
${names.map((name, index) => `import * as m${index} from "${name}";`).join("\n")}
import { isOwnlineError, type OwnlineErrorCode } from "ownline";

type IsAny<T> = 0 extends 1 & T ? true : false;
${names.map((_, index) => `const known${index}: IsAny<(typeof m${index})[keyof typeof m${index}]> = false;`).join("\n")}
const caught: unknown = [${names.map((_, index) => `known${index}`).join(", ")}];
if (isOwnlineError(caught)) {
  const code: OwnlineErrorCode = caught.code;
  console.log(code);
}
`;
}

/** Their declarations speak of Node, or of the AI SDK, by its own types. */
const NEEDS_OTHER_TYPES: ReadonlySet<string> = new Set([
  "ownline/ai/ai-sdk",
  "ownline/http/express",
  "ownline/http/node",
  "ownline/testing/node",
]);

describe("the types of the installed package", () => {
  it.each(resolutions())("hold under moduleResolution %s, as does the quick start", (name, extension, options) => {
    // The AI SDK is ESM alone, which the compiler lets CommonJS require from module node20 on, as Node does.
    const names =
      name === "node16, from CommonJS" ? specifiers.filter((one) => one !== "ownline/ai/ai-sdk") : specifiers;
    // CommonJS has no await at the top level, and the quick start may use one.
    const start =
      extension === "mts"
        ? quickStart()
        : quickStart().replace(/^((?:import .*\n|\n)+)([\s\S]*)$/, "$1void (async () => {\n$2})();\n");
    const texts = { [`all.${extension}`]: everything(names), [`typed-quick-start.${extension}`]: start };
    expect(typeErrors(texts, options)).toEqual([]);
  });

  // Node's types bring `Symbol.asyncDispose`; a service for browsers' and edge runtimes' types alone may lack it.
  it("hold where the compiler's lib knows no `await using`, and no Node", () => {
    const [, extension, options] = resolutions()[0];
    const names = specifiers.filter((one) => !NEEDS_OTHER_TYPES.has(one));
    const lib = ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.dom.iterable.d.ts", "lib.dom.asynciterable.d.ts"];
    const texts = { [`no-node.${extension}`]: everything(names) };
    expect(typeErrors(texts, { ...options, lib, types: [] })).toEqual([]);
  });

  it("offer `await using` where the compiler's lib knows it", () => {
    const [, extension, options] = resolutions()[0];
    const text = `
import type { Ownline } from "ownline";
export async function use(make: () => Ownline): Promise<void> {
  await using sms = make();
  await sms.start();
}
`;
    const lib = ["lib.es2022.d.ts", "lib.dom.d.ts", "lib.esnext.disposable.d.ts"];
    expect(typeErrors({ [`using.${extension}`]: text }, { ...options, lib, types: [] })).toEqual([]);
  });

  it("are missed where a subpath does not exist", () => {
    const [, extension, options] = resolutions()[0];
    expect(
      typeErrors({ [`none.${extension}`]: `import "ownline";\nimport { x } from "ownline/nothing";\nx;\n` }, options),
    ).toEqual([expect.stringContaining("Cannot find module 'ownline/nothing'")]);
  });
});

describe("the tarball", () => {
  it("holds dist, the migrations, the documents, the examples and the manifest, and nothing else", () => {
    const names = readdirSync(join(consumer.folder, "node_modules", "ownline"));
    expect(names.toSorted()).toEqual([
      "CHANGELOG.md",
      "CONTRIBUTING.md",
      "LICENSE",
      "README.md",
      "dist",
      "docs",
      "examples",
      "migrations",
      "package.json",
    ]);
  });

  it("has no relative link that leads nowhere, and nothing of a developer's own in the examples", () => {
    const root = join(consumer.folder, "node_modules", "ownline");
    const files = readdirSync(root, { recursive: true, encoding: "utf8" });
    const pages = files.filter((name) => name.endsWith(".md"));
    expect(pages.length).toBeGreaterThan(10);
    const broken = pages.flatMap((page) => {
      const text = readFileSync(join(root, page), "utf8").replaceAll(/^([ \t]*)(`{3,})[\s\S]*?^[ \t]*\2[ \t]*$/gm, "");
      return [...text.matchAll(/\]\(([^)\s#]+)/g)]
        .map(([, target = ""]) => target)
        .filter((target) => !/^[a-z]+:/i.test(target) && !existsSync(join(root, dirname(page), target)))
        .map((target) => `${page}: ${target}`);
    });
    expect(broken).toEqual([]);
    expect(files.filter((name) => /(^|\/)(\.env|\.data|\.dev\.vars|\.wrangler|node_modules)$/.test(name))).toEqual([]);
  });

  it("brings eventemitter3, and nothing else", () => {
    expect(consumer.installed.toSorted()).toEqual(["eventemitter3", "ownline"]);
  });

  it("carries no path of the machine that built it, and asks for Node's modules by their full name", () => {
    const dist = join(consumer.folder, "node_modules", "ownline", "dist");
    const files = readdirSync(dist, { recursive: true, encoding: "utf8" }).filter((name) =>
      /\.(c?js|d\.c?ts)$/.test(name),
    );
    expect(files.length).toBeGreaterThan(specifiers.length * 4 - 1);
    const faulty = files.filter((name) => {
      const text = readFileSync(join(dist, name), "utf8");
      const bare =
        /(?:require\(|from |import\()["'](?:fs|http|https|crypto|sqlite|stream|events|path|url|os|net|process|buffer)["']/;
      return text.includes(process.cwd()) || text.includes("file://") || bare.test(text);
    });
    expect(faulty).toEqual([]);
  });
});

type Resolution = readonly [name: string, extension: "mts" | "cts" | "ts", options: ts.CompilerOptions];

/** How services of today and of yesterday resolve their imports. */
function resolutions(): readonly [Resolution, ...Resolution[]] {
  const { Bundler, Node16, NodeNext, Node10 } = ts.ModuleResolutionKind;
  return [
    ["bundler", "mts", { module: ts.ModuleKind.ESNext, moduleResolution: Bundler }],
    ["node16, from ESM", "mts", { module: ts.ModuleKind.Node16, moduleResolution: Node16 }],
    ["node16, from CommonJS", "cts", { module: ts.ModuleKind.Node16, moduleResolution: Node16 }],
    ["nodenext, from CommonJS", "cts", { module: ts.ModuleKind.NodeNext, moduleResolution: NodeNext }],
    [
      "node10 with module commonjs",
      "ts",
      { module: ts.ModuleKind.CommonJS, moduleResolution: Node10, ignoreDeprecations: "6.0" },
    ],
  ];
}

/**
 * What the compiler says about files of the service, given by their names, and about the package's own declarations.
 */
function typeErrors(texts: Readonly<Record<string, string>>, options: ts.CompilerOptions): string[] {
  const written = Object.entries(texts).map(([name, text]) => consumer.write(name, text));
  const program = ts.createProgram(written, {
    target: ts.ScriptTarget.ES2022,
    lib: ["lib.es2022.d.ts"],
    types: ["node"],
    ...options,
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    esModuleInterop: true,
    // Off, so that the package's own declarations are judged too.
    skipLibCheck: false,
  });
  const own = [...written, join(consumer.folder, "node_modules", "ownline")];
  const files = program.getSourceFiles().filter(({ fileName }) => own.some((path) => fileName.startsWith(path)));
  return [
    ...program.getOptionsDiagnostics(),
    ...files.flatMap((one) => [...program.getSyntacticDiagnostics(one), ...program.getSemanticDiagnostics(one)]),
  ].map((found) => {
    const line = found.file?.getLineAndCharacterOfPosition(found.start ?? 0).line ?? 0;
    return `${found.file?.fileName.slice(consumer.folder.length)}:${line + 1}: ${ts.flattenDiagnosticMessageText(found.messageText, "\n")}`;
  });
}
