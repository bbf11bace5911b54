import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { beforeAll, describe, expect, inject, it, vi } from "vitest";
import { lockedInstall } from "../../scripts/locked-install.ts";
import { stockNode, versionOf } from "../../scripts/stock-node.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { type Consumer, installPackage } from "../package/consumer.ts";
import { buildProgram } from "./built-program.ts";
import { durableCases } from "./cases/durable.ts";
import { portableCases } from "./cases/portable.ts";
import { foreignNode } from "./foreign-node.ts";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 300_000 });

/** The oldest Node with a `node:sqlite` that needs no flag; its SQLite is years behind the pinned Node's. */
const OLDEST_WITH_SQLITE = "22.13.0";
/** `node:sqlite` says there that it is experimental, and nothing else may be said. */
const QUIETLY = "--disable-warning=ExperimentalWarning";

interface Runtime {
  readonly name: string;
  /** What starts a program there, without the program. `null` where the runtime is not to be had. */
  readonly command: () => readonly string[] | null;
  readonly missing: () => string;
}

const stock = stockNode();
/** Deno and Bun, 195 MB that no other test needs: installed when this file runs, and kept for the next time. */
const others = lockedInstall("test/runtimes/others", { scripts: true });
const installed = (name: string, ...args: readonly string[]): Runtime => {
  const file = join(others, "node_modules", ".bin", name);
  return {
    name: `${name} ${/[\d.]+/.exec(versionOf(file))?.[0] ?? ""}`.trimEnd(),
    command: () => [file, ...args],
    missing: () => "",
  };
};

const node22: Runtime = {
  name: `Node ${OLDEST_WITH_SQLITE}`,
  command: () => {
    const { file } = foreignNode(OLDEST_WITH_SQLITE);
    return file === null ? null : [file, QUIETLY];
  },
  missing: () => foreignNode(OLDEST_WITH_SQLITE).missing ?? "",
};
const pinned: Runtime = {
  name: `the pinned Node ${process.version}`,
  command: () => [process.execPath],
  missing: () => "",
};
const machines: Runtime = {
  name: `the machine's own Node ${stock === undefined ? "" : versionOf(stock)}`.trimEnd(),
  command: () => (stock === undefined ? null : [stock]),
  missing: () => "the machine has no Node but the pinned one",
};
const deno = installed("deno", "run", "--no-lock", "--allow-all");
const bun = installed("bun", "run");

/** How many cases the contract has; made, and not run. */
const contractCount = storageContract({ create: () => Promise.reject(new Error("not run")) }).length;

let consumer: Consumer;
beforeAll(async () => {
  consumer = installPackage();
  await buildProgram(join(consumer.folder, "out"));
  return () => consumer[Symbol.dispose]();
});

async function outcomeOf([file = "", ...args]: readonly string[], ...more: readonly string[]): Promise<unknown> {
  const run = promisify(execFile);
  const program = join(consumer.folder, "out", "program.mjs");
  const { stdout, stderr } = await run(file, [...args, program, ...more], { cwd: consumer.folder, timeout: 250_000 });
  expect(stderr).toBe("");
  return JSON.parse(stdout);
}

// Most of the time goes into waiting for the disk, so the runtimes need not wait for each other.
describe.concurrent("the installed package", () => {
  it.for([pinned, machines, node22, deno, bun])("holds every portable case on $name", async (runtime, { skip }) => {
    const command = runtime.command();
    skip(command === null, runtime.missing());
    expect(await outcomeOf(command ?? [])).toEqual({ count: portableCases.length, failures: [] });
  });

  // The pinned Node does it in test/storage, from the source.
  it.for([node22, deno, bun])("keeps a ledger in SQLite on $name", async (runtime, { skip }) => {
    const command = runtime.command();
    skip(command === null, runtime.missing());
    expect(await outcomeOf(command ?? [], "durable")).toEqual({ count: durableCases.length, failures: [] });
  });

  // The oldest Node that the package runs on has no node:sqlite, so PostgreSQL is the durable ledger there.
  it("keeps a ledger in PostgreSQL on the machine's own Node", async ({ skip }) => {
    const command = machines.command();
    skip(command === null, machines.missing());
    const outcome = await outcomeOf(command ?? [], "postgres", inject("postgresUrl"));
    expect(outcome).toEqual({ count: contractCount, failures: [] });
  });
});
