import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { entries, specifierOf } from "../../scripts/entries.ts";
import { noRedis, type RedisServer, startRedis } from "../databases/redis.ts";
import { ROOT } from "../docs/code-blocks.ts";
import { installed } from "./installed.ts";

/** Each folder here with a lockfile: packages of one age that a service has before it installs ownline. */
const SETS = ["oldest", "between", "newest"] as const;
const SPECIFIERS = Object.keys(entries).map(specifierOf);
const PROGRAMS = ["ai", "twilio", "pg-boss", "bullmq", "postgres", "mongodb"] as const;

let redis: RedisServer | undefined;
beforeAll(async () => {
  if (noRedis === null) redis = await startRedis();
});
afterAll(() => redis?.stop());

const load = (how: string): string => `
(async () => {
  for (const name of ${JSON.stringify(SPECIFIERS)}) {
    if (Object.keys(${how}(name)).length === 0) throw new Error(name + " is empty");
  }
})();
`;

describe.each(SETS)("the tarball beside the %s packages that it works with", (set) => {
  let folder = "";
  beforeAll(() => {
    folder = installed(`test/install/${set}`);
    mkdirSync(join(folder, "programs"), { recursive: true });
    for (const name of readdirSync(join(ROOT, "test/install/programs"))) {
      copyFileSync(join(ROOT, "test/install/programs", name), join(folder, "programs", name));
    }
  });

  /** What a program of the service printed to its error output, and how it ended. */
  const run = (name: string): unknown => {
    const env = {
      ...process.env,
      OWNLINE_TEST_POSTGRES_URL: inject("postgresUrl"),
      OWNLINE_TEST_REDIS_PORT: String(redis?.port ?? ""),
    };
    const { status, stderr } = spawnSync(process.execPath, [name], { cwd: folder, encoding: "utf8", env });
    return status === 0 ? "ended well" : stderr;
  };

  it.each([
    ["imports", "load.mjs", "await import"],
    ["requires", "load.cjs", "require"],
  ])("%s every subpath", (_, name, how) => {
    writeFileSync(join(folder, name), load(how));
    expect(run(name)).toBe("ended well");
  });

  it("compiles where each adapter gets the installed package's own client", () => {
    copyFileSync(join(ROOT, "test/install/types.mts"), join(folder, "types.mts"));
    const program = ts.createProgram([join(folder, "types.mts")], {
      module: ts.ModuleKind.NodeNext,
      target: ts.ScriptTarget.ES2023,
      types: ["node"],
      strict: true,
      exactOptionalPropertyTypes: true,
      // Packages of several years do not all pass; what they hand to ownline is judged all the same.
      skipLibCheck: true,
      noEmit: true,
    });
    const found = ts.getPreEmitDiagnostics(program);
    expect(found.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, "\n"))).toEqual([]);
  });

  it.for(PROGRAMS)("works with the installed package: %s", (name, { skip }) => {
    skip(name === "bullmq" && noRedis !== null, noRedis ?? "");
    skip(name === "mongodb" && inject("mongodbUrl") === "", "OWNLINE_TEST_MONGODB_URL names no server");
    expect(run(join("programs", `${name}.mjs`))).toBe("ended well");
  });
});
