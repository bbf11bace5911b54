import { readdirSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";
import { entries } from "../scripts/entries.ts";

/** The floors of the house: a file imports only from lower floors, or from its own folder. Type imports count. */
const FLOORS: Readonly<Record<string, number>> = {
  "async-disposing.ts": 1,
  "errors.ts": 1,
  "logger.ts": 1,
  "unknown-fields.ts": 1,
  "check.ts": 1,
  "thrown.ts": 2,
  "hook.ts": 2,
  "redact.ts": 3,
  "telemetry.ts": 1,
  "hmac.ts": 1,
  "segments/": 1,
  "model/": 2,
  "transport/": 3,
  "storage/": 3,
  "ai/": 3,
  "policy/": 3,
  "queue/": 3,
  "engine/": 4,
  "http/": 5,
  "ownline.ts": 6,
  "index.ts": 6,
  "testing/": 7,
  "cli/": 8,
};

/** The engine's rooms, from the lowest up: a file imports from its own room or from a lower one. Type imports count. */
const ROOMS: readonly string[] = ["options", "support", "outbound", "turns", "inbound", "worker", "api"];

/** Each package that `src` may import, and where. A package that is not here may be imported nowhere. */
const PACKAGES: Readonly<Record<string, RegExp>> = {
  eventemitter3: /^engine\//,
  "zod/mini": /^(check|engine\/api\/inputs)\.ts$/,
  ai: /^ai\/ai-sdk(\/\w+)?\.ts$/,
};

/** Where Node's own modules may be imported; everything else runs on the web platform alone. */
const NODE_STATIC = /^(http\/node\.ts$|cli\/|testing\/node\/)/;
/** Where they may be asked for while running, so that a runtime without them can still load the file. */
const NODE_ON_DEMAND = /^(http\/node\.ts$|cli\/|testing\/node\/|storage\/sqlite\.ts$|hmac\.ts$)/;

/** What the engine must not know: the published adapters and policies of floor 3. */
const ADAPTERS = Object.values(entries)
  .map((source) => source.slice("src/".length))
  .filter((source) => floorOf(source) === 3);

/** The one judge of the ledger sees models and ports: what keeps the rows comes to it as a `LedgerDatabase`. */
const OF_THE_LEDGER = /^(errors\.ts$|model\/|storage\/(ledger\/|port\/|storage\.ts$|database\.ts$))/;

interface Import {
  readonly specifier: string;
  readonly onDemand: boolean;
}

function importsOf(name: string, text: string): Import[] {
  const found: Import[] = [];
  const add = (node: ts.Node | undefined, onDemand: boolean): void => {
    if (node === undefined) return;
    // A computed specifier cannot be judged, so it stands in the report under its own text.
    found.push({ specifier: ts.isStringLiteralLike(node) ? node.text : node.getText(), onDemand });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node)) add(node.moduleSpecifier, false);
    else if (ts.isExternalModuleReference(node)) add(node.expression, false);
    else if (ts.isImportTypeNode(node)) add(ts.isLiteralTypeNode(node.argument) ? node.argument.literal : node, false);
    else if (ts.isCallExpression(node)) {
      const callee = node.expression.getText();
      if (callee === "import" || callee === "require" || /\bgetBuiltinModule$/.test(callee)) {
        add(node.arguments[0], true);
      }
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(name, text, ts.ScriptTarget.Latest, true));
  return found;
}

/** `storage/sql/schema.ts` is of the folder `storage/`; a loose file stands in the root folder, `""`. */
function folderOf(file: string): string {
  return file.includes("/") ? file.slice(0, file.indexOf("/") + 1) : "";
}

function floorOf(file: string): number | undefined {
  return FLOORS[folderOf(file) || file];
}

/** What is wrong with one import, or `undefined`. `files` are all paths under `src`. */
function faultOf(file: string, { specifier, onDemand }: Import, files: ReadonlySet<string>): string | undefined {
  if (specifier.startsWith("node:")) {
    if (onDemand ? NODE_ON_DEMAND.test(file) : NODE_STATIC.test(file)) return undefined;
    return "Node's own modules stand only in http/node.ts, cli/, testing/node/ and, asked for on demand, storage/sqlite.ts and hmac.ts";
  }
  if (!specifier.startsWith(".")) {
    const owner = Object.keys(PACKAGES).find((name) => specifier === name || specifier.startsWith(`${name}/`));
    const place = owner === undefined ? undefined : PACKAGES[owner];
    if (place?.test(file) === true) return undefined;
    return place === undefined ? "no such package may be imported in src" : `${owner} belongs in ${place.source}`;
  }
  const target = posix.join(posix.dirname(file), specifier);
  if (!files.has(target)) return "there is no such file under src";
  const [from, to] = [floorOf(file), floorOf(target)];
  if (from === undefined || to === undefined) return "a file has no floor";
  if (file.startsWith("storage/ledger/") && !OF_THE_LEDGER.test(target)) return "the ledger knows no database";
  if (target.startsWith("testing/node/") && !NODE_STATIC.test(file)) return "testing/node runs on Node alone";
  if (file.startsWith("engine/") && target.startsWith("engine/")) return roomFaultOf(file, target);
  if (folderOf(file) === folderOf(target) && from === to) return undefined;
  // The one error tree and the logger's interface carry the whole house, the other rooms of their floor included.
  if (to === 1 && folderOf(target) === "") return undefined;
  if (from <= to) return `floor ${from} may not import floor ${to}`;
  const adapter = ADAPTERS.some((known) => known === target) || target.startsWith("transport/twilio/");
  return from === 4 && adapter ? "the engine knows ports, never an adapter or a policy" : undefined;
}

/** The number of a file's room, from 0 up; -1 for a file of the engine that is in none. */
function roomOf(file: string): number {
  return ROOMS.findIndex((room) => file.startsWith(`engine/${room}/`));
}

function roomFaultOf(file: string, target: string): string | undefined {
  const [from, to] = [roomOf(file), roomOf(target)];
  if (from < 0 || to < 0) return "a file of the engine has no room";
  return from < to ? `the room ${ROOMS[from]} may not import the room ${ROOMS[to]}` : undefined;
}

function faults(sources: Readonly<Record<string, string>>): string[] {
  const files = new Set(Object.keys(sources));
  return Object.entries(sources).flatMap(([file, text]) => [
    ...(floorOf(file) === undefined ? [`${file}: has no floor; give its folder one`] : []),
    ...(file.startsWith("engine/") && roomOf(file) < 0
      ? [`${file}: has no room; it is one of ${ROOMS.join(", ")}`]
      : []),
    ...importsOf(file, text).flatMap((found) => {
      const fault = faultOf(file, found, files);
      return fault === undefined ? [] : [`${file} imports ${found.specifier}: ${fault}`];
    }),
  ]);
}

/** Files that import each other in a circle: the way from the first back to itself. `null` where there is none. */
function circleIn(sources: Readonly<Record<string, string>>): readonly string[] | null {
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): readonly string[] | null => {
    const start = way.indexOf(file);
    if (start >= 0) return [...way.slice(start), file];
    const text = sources[file];
    if (text === undefined || done.has(file)) return null;
    for (const { specifier } of importsOf(file, text)) {
      if (!specifier.startsWith(".")) continue;
      const circle = visit(posix.join(posix.dirname(file), specifier), [...way, file]);
      if (circle !== null) return circle;
    }
    done.add(file);
    return null;
  };
  for (const file of Object.keys(sources)) {
    const circle = visit(file, []);
    if (circle !== null) return circle;
  }
  return null;
}

function readSources(): Record<string, string> {
  const root = fileURLToPath(new URL("../src/", import.meta.url));
  const names = readdirSync(root, { recursive: true, encoding: "utf8" }).map((name) => name.replaceAll("\\", "/"));
  return Object.fromEntries(
    names.filter((name) => name.endsWith(".ts")).map((name) => [name, readFileSync(root + name, "utf8")]),
  );
}

describe("the floors of the house", () => {
  it("holds: every import in src runs downwards", () => {
    const sources = readSources();
    expect(Object.keys(sources)).toContain("errors.ts");
    expect(faults(sources)).toEqual([]);
  });

  it("lets no file of src import itself through others", () => {
    expect(circleIn(readSources()) ?? []).toEqual([]);
  });

  it.each([
    [
      "two files of a folder",
      {
        "model/a.ts": `import "./b.ts";`,
        "model/b.ts": `import { c } from "./c.ts";`,
        "model/c.ts": `export * from "./b.ts";`,
      },
      ["model/b.ts", "model/c.ts", "model/b.ts"],
    ],
    [
      "a type import",
      {
        "engine/turns/turn.ts": `import type { Asked } from "./ask.ts";`,
        "engine/turns/ask.ts": `type Run = import("./turn.ts").Run;`,
      },
      ["engine/turns/turn.ts", "engine/turns/ask.ts", "engine/turns/turn.ts"],
    ],
    [
      "two folders of one folder",
      {
        "storage/ledger/ledger.ts": `import "./rules/order.ts";`,
        "storage/ledger/rules/order.ts": `import "../ledger.ts";`,
      },
      ["storage/ledger/ledger.ts", "storage/ledger/rules/order.ts", "storage/ledger/ledger.ts"],
    ],
  ])("finds a circle through %s", (_, sources, circle) => {
    expect(circleIn(sources)).toEqual(circle);
  });

  it("lets an import run downwards, inside a folder, and to a package in its place", () => {
    const sources = {
      "errors.ts": "",
      "segments/segments.ts": `export * from "./gsm7.ts";`,
      "segments/gsm7.ts": `import { OwnlineError } from "../errors.ts";`,
      "transport/transport.ts": `import type { A } from "../errors.ts";`,
      "transport/twilio/twilio.ts": `import { T } from "../transport.ts";`,
      "storage/sqlite.ts": `process.getBuiltinModule("node:sqlite");`,
      "storage/storage.ts": "",
      "storage/ledger/ledger.ts": `import type { Storage } from "../storage.ts"; import "./rules/order.ts";`,
      "storage/ledger/rules/order.ts": `import { OwnlineError } from "../../../errors.ts";`,
      "storage/memory/database.ts": `import "../ledger/ledger.ts";`,
      "hmac.ts": `process.getBuiltinModule("node:crypto");`,
      "ai/ai-sdk.ts": `import { generateText } from "ai";`,
      "engine/api/engine.ts": `import "../worker/worker.ts"; import "../support/emitter.ts"; import "./feed.ts";`,
      "engine/api/feed.ts": `import type { S } from "../options/options.ts";`,
      "engine/worker/worker.ts": `import "../../transport/transport.ts";`,
      "engine/support/emitter.ts": `import { EventEmitter } from "eventemitter3";`,
      "engine/options/options.ts": "",
      "http/node.ts": `import { Readable } from "node:stream";`,
      "ownline.ts": `import { e } from "./engine/api/engine.ts"; import "./transport/twilio/twilio.ts";`,
      "index.ts": `export * from "./ownline.ts";`,
      "testing/node/node.ts": `import "../../index.ts"; import "node:http";`,
    };
    expect(faults(sources)).toEqual([]);
  });

  it.each([
    ["an upward import out", "model/message.ts", `import { x } from "../engine/api/engine.ts";`],
    ["an upward type import out", "model/message.ts", `import type { X } from "../engine/api/engine.ts";`],
    ["an upward import type out", "model/message.ts", `type X = import("../engine/api/engine.ts").X;`],
    ["an upward re-export out", "model/message.ts", `export * from "../engine/api/engine.ts";`],
    ["an upward dynamic import out", "model/message.ts", `await import("../engine/api/engine.ts");`],
    ["a neighbour on the same floor", "storage/memory.ts", `import type { X } from "../transport/transport.ts";`],
    ["a database out of the ledger", "storage/ledger/ledger.ts", `import "../memory.ts";`],
    [
      "a database's rows out of the rules",
      "storage/ledger/rules/order.ts",
      `import type { T } from "../../sql/rows.ts";`,
    ],
    ["segments out of the errors", "errors.ts", `import "./segments/segments.ts";`],
    ["the engine and an adapter apart", "engine/turns/turn.ts", `import "../../storage/memory.ts";`],
    ["the engine and an adapter's inside apart", "engine/turns/turn.ts", `import "../../transport/twilio/rest.ts";`],
    ["zod out", "engine/options/options.ts", `import * as z from "zod/mini";`],
    ["ai out of other files", "ai/offline.ts", `import type { LanguageModel } from "ai";`],
    ["eventemitter3 out of other folders", "http/handler.ts", `import { EventEmitter } from "eventemitter3";`],
    ["Node out of the core", "engine/turns/turn.ts", `import { createHash } from "node:crypto";`],
    ["Node out of the core, on demand too", "engine/turns/turn.ts", `process.getBuiltinModule("node:crypto");`],
    ["Node out of the portable tests", "testing/testing.ts", `export * from "./node/node.ts";`],
    ["a static node:sqlite out of the adapter", "storage/sqlite.ts", `import { DatabaseSync } from "node:sqlite";`],
    ["vitest out of the package", "testing/testing.ts", `import { expect } from "vitest";`],
    ["computed specifiers out", "engine/turns/turn.ts", `await import("../" + name);`],
    ["the package's own name out", "http/express.ts", `import { x } from "ownline";`],
    ["a folder without a floor out", "misc/thing.ts", ""],
    ["a file of the engine in a room", "engine/turn.ts", ""],
    ["a room out of a lower one", "engine/turns/turn.ts", `import "../api/engine.ts";`],
    ["a room's types out of a lower one", "engine/turns/turn.ts", `import type { E } from "../api/engine.ts";`],
    ["a room out of a lower one, on demand too", "engine/turns/turn.ts", `await import("../api/engine.ts");`],
  ])("keeps %s", (_, file, text) => {
    const others = {
      "errors.ts": "",
      "segments/segments.ts": "",
      "engine/api/engine.ts": "",
      "transport/transport.ts": "",
      "transport/twilio/rest.ts": "",
      "storage/memory.ts": "",
      "storage/sql/rows.ts": "",
      "testing/node/node.ts": "",
    };
    expect(faults({ ...others, [file]: text })).toHaveLength(1);
  });
});
