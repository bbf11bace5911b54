import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { afterEach, describe, expect, it } from "vitest";
import { ROOT } from "./docs/code-blocks.ts";

const TIMEOUT_MS = 120_000;
const folder = mkdtempSync(join(tmpdir(), "ownline-demo-"));
const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts a command, and waits until it has printed the address of its page. */
async function start(command: string, ...args: string[]): Promise<{ child: ChildProcess; page: string }> {
  // Nothing else: a developer's own Twilio account has no place in a test.
  const env = { PATH: process.env.PATH, PORT: "0", UI_PORT: "0", OWNLINE_STORAGE: `sqlite:${join(folder, "demo.db")}` };
  const child = spawn(command, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "inherit"] });
  started.push(child);
  for await (const line of createInterface({ input: child.stdout })) {
    const [page] = /http:\/\/localhost:\d+/.exec(line) ?? [];
    if (page !== undefined) return { child, page };
  }
  throw new Error("The demo ended without printing an address.");
}

describe("npm run demo", () => {
  it(
    "prints its address, serves the page there, and ends cleanly at a signal",
    async () => {
      const { child, page } = await start(process.execPath, `${ROOT}scripts/demo.ts`);
      const answer = await fetch(page);
      expect([answer.status, answer.headers.get("content-type")]).toEqual([200, expect.stringContaining("text/html")]);
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      expect(await ended).toEqual([0, null]);
    },
    TIMEOUT_MS,
  );

  it(
    "ends with the shell that npm started it in, which passes no signals on",
    async () => {
      // What follows the command keeps the shell from making way for it.
      const { child } = await start("sh", "-c", `"${process.execPath}" "${ROOT}scripts/demo.ts"; true`);
      const closed = once(child, "close");
      child.kill("SIGTERM");
      // The demo holds the other end of the pipe: it is closed when the demo has ended.
      expect(await closed).toEqual([null, "SIGTERM"]);
    },
    TIMEOUT_MS,
  );
});
