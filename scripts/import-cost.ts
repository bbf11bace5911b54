import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const PROGRAM = `
const before = process.cpuUsage();
await import(process.env.SPECIFIER);
const { user, system } = process.cpuUsage(before);
console.log((user + system) / 1000);
`;

/** A module that imports nothing: what a process costs without any. */
export const NOTHING = "data:text/javascript,";

/**
 * The processor time that importing a module costs a fresh process of this checkout, in milliseconds.
 *
 * @throws Error with Node's message where it cannot be imported
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
