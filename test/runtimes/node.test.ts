import { join } from "node:path";
import { build } from "tsup";
import { beforeAll, describe, expect, it, vi } from "vitest";
import { type Consumer, installPackage, stockNode, versionOf } from "../package/consumer.ts";
import { portableCases } from "./cases/portable.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

/** Runs every case in a process, and prints how many there were and what became of those that failed. */
const PROGRAM = `
import { portableCases } from ${JSON.stringify(join(import.meta.dirname, "cases", "portable.ts"))};
const failures: string[] = [];
for (const { name, run } of portableCases) await run().catch((error: unknown) => failures.push(name + ": " + error));
console.log(JSON.stringify({ count: portableCases.length, failures }));
`;

let consumer: Consumer;
beforeAll(async () => {
  consumer = installPackage();
  // The cases become one file that imports the installed package: an old Node reads no TypeScript.
  await build({
    config: false,
    entry: { program: consumer.write("program.ts", PROGRAM) },
    outDir: join(consumer.folder, "out"),
    outExtension: () => ({ js: ".mjs" }),
    format: "esm",
    target: "node20",
    external: [/^ownline/],
    silent: true,
  });
  return () => consumer[Symbol.dispose]();
});

const stock = stockNode();
const nodes: readonly (readonly [name: string, node: string | undefined])[] = [
  [`the pinned Node ${process.version}`, process.execPath],
  [`the machine's own Node ${stock === undefined ? "" : versionOf(stock)}`.trimEnd(), stock],
];

describe("the installed package", () => {
  it.for(nodes)("holds every portable case on %s", ([, node], { skip }) => {
    skip(node === undefined, "the machine has no Node but the pinned one");
    const { status, stdout, stderr } = consumer.run(node ?? "", join("out", "program.mjs"));
    expect([status, stderr]).toEqual([0, ""]);
    expect(JSON.parse(stdout)).toEqual({ count: portableCases.length, failures: [] });
  });
});
