import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROGRAM = `
const before = process.cpuUsage();
await import(process.env.SPECIFIER);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000);
`;

/** A module that imports nothing: the cost of a process alone. */
export const NOTHING = "data:text/javascript,";

/**
 * The processor time, in milliseconds, that a new process of this checkout needs to import a module.
 *
 * @throws Error with Node's message where the module cannot be imported
 */
export function importMs(node: string, specifier: string): number {
  const { status, stdout, stderr } = spawnSync(node, ["--input-type=module", "--eval", PROGRAM], {
    cwd: ROOT,
    encoding: "utf8",
    env: { ...process.env, SPECIFIER: specifier },
  });
  if (status !== 0) throw new Error(`${node} could not import ${specifier}:\n${stderr}`);
  return Number(stdout);
}
