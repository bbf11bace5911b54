import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort, OURS, PERSON } from "./example.ts";
import { EXAMPLE, unable } from "./hono-worker.ts";

vi.setConfig({ testTimeout: 120_000 });

const BIN = fileURLToPath(new URL("../../node_modules/.bin", import.meta.url));
const FROM_SOURCE = new URL("from-source.ts", import.meta.url).href;

describe.skipIf(unable !== null)(`the Worker example's commands${unable === null ? "" : ` (${unable})`}`, () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ownline-worker-"));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  const environment = (more: Readonly<Record<string, string>> = {}) => ({
    PATH: BIN + delimiter + process.env.PATH,
    HOME: folder,
    CI: "true",
    WRANGLER_SEND_METRICS: "false",
    CLOUDFLARE_CF_FETCH_ENABLED: "false",
    ...more,
  });

  it("wrangler deploy --dry-run builds it without Node's modules, and prints its size", () => {
    const out = join(folder, "out");
    const { status, stdout, stderr } = spawnSync("wrangler", ["deploy", "--dry-run", "--outdir", out], {
      cwd: EXAMPLE,
      env: environment(),
      encoding: "utf8",
    });
    expect([status, stderr]).toEqual([0, expect.not.stringContaining("ERROR")]);
    const [size] = /Total Upload: .*/.exec(stdout) ?? [];
    expect(size).toMatch(/gzip: [\d.]+ KiB/);
    console.log(`the Worker example: ${size}`);
    for (const binding of ["env.DB", "env.WAKE"]) expect(stdout).toContain(binding);

    const scripts = readdirSync(out).filter((name) => name.endsWith(".js"));
    expect(scripts).toEqual(["worker.js"]);
    expect(readFileSync(join(out, "worker.js"), "utf8")).not.toMatch(/\b(?:from|import|require)\s*\(?\s*["'`]node:/);
  });

  it("npm run dev holds a conversation between the page and this terminal, the phone, without an account", async () => {
    const port = await freePort();
    const child = spawn(process.execPath, ["--import", FROM_SOURCE, "scripts/dev.ts"], {
      cwd: EXAMPLE,
      env: environment({ PORT: String(port), DEV_STATE: join(folder, "state") }),
      stdio: ["pipe", "pipe", "pipe"],
    });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (output += String(chunk)));
    const closed = once(child, "close");
    try {
      await expect.poll(() => output, { timeout: 60_000, interval: 200 }).toContain("The phone:");
      expect(output).not.toMatch(/The cron (answered|could not)/);
      const [, url = "", secret = ""] = /The page: +(http:\/\/localhost:\d+)\/#secret=(\S+)/.exec(output) ?? [];

      child.stdin.write("Thanks\n");
      await expect.poll(() => output, { timeout: 20_000, interval: 200 }).toContain(`[${PERSON}] You are welcome!`);
      const typed = await fetch(`${url}/messages`, {
        method: "POST",
        headers: { authorization: `Bearer ${secret}`, "content-type": "application/json" },
        body: JSON.stringify({ from: PERSON, to: OURS, body: "Hello!" }),
      });
      expect(typed.status).toBe(201);
      await expect.poll(() => output, { timeout: 20_000, interval: 200 }).toContain(`[${PERSON}] Hello! This is`);
      expect((await fetch(url)).headers.get("content-security-policy")).toContain("default-src 'none'");
    } finally {
      child.kill("SIGTERM");
    }
    expect(await closed).toEqual([0, null]);
  });
});
