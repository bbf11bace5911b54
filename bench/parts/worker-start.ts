import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { buildIfStale } from "../../scripts/build.ts";
import { inTurn, median, quantile, ratios, sorted } from "../measure.ts";
import { type Part, sized } from "../part.ts";
import { figure } from "../report/words.ts";
import type { Table } from "../results.ts";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const BIN = join(ROOT, "node_modules", ".bin");
/** A folder inside the checkout, where imports are found. */
const FOLDER = join(ROOT, ".tmp", "bench-worker");
const COMPATIBILITY_DATE = "2026-10-01";
const LONGEST_MS = 30_000;

/** Each Worker, with the folder of an example or the source that it is bundled from. */
const WORKERS = [
  {
    name: "an empty Hono Worker",
    file: "empty",
    source: `import { Hono } from "hono";
      export default new Hono().get("/info", (c) => c.text("ok"));`,
  },
  {
    name: "ownline on D1, in Hono",
    file: "bot",
    source: `import { env } from "cloudflare:workers";
      import { Hono } from "hono";
      import { ownline } from "ownline";
      import { d1 } from "ownline/storage/d1";
      import { twilio } from "ownline/transport/twilio";
      const { TWILIO_ACCOUNT_SID: accountSid, TWILIO_AUTH_TOKEN: authToken, WEBHOOK_URL: webhookUrl } = env;
      const create = () => ownline({ senders: [env.TWILIO_PHONE_NUMBER], storage: d1(env.DB), ai: () => "Yes.",
        transport: twilio({ accountSid, authToken, webhookUrl }) });
      export default new Hono()
        .get("/info", (c) => c.text(typeof create().fetch))
        .all("/webhooks/sms", (c) => create().fetch(c.req.raw, c.executionCtx));`,
  },
  { name: "examples/hono-worker: with its API, and zod", file: "example", source: null },
] as const;

/** Bindings as text, the same for all Workers. */
const VARS = {
  API_SECRET: "a-secret-of-the-benchmark",
  TWILIO_ACCOUNT_SID: `AC${"0".repeat(32)}`,
  TWILIO_AUTH_TOKEN: "0".repeat(32),
  TWILIO_PHONE_NUMBER: "+15703251809",
  WEBHOOK_URL: "https://worker.example/webhooks/sms",
};

export const workerStart: Part = {
  letter: "h",
  title: "The start of a Worker",
  async run(bench) {
    if (!existsSync(join(BIN, "workerd"))) {
      bench.skip("the start of a Worker: workerd is not installed; run npm ci");
      return [];
    }
    buildIfStale("js");
    const bundles = WORKERS.map(({ file, source }) => bundled(file, source));
    const rounds = sized(bench, 2, 15);
    const results = await inTurn(WORKERS, rounds, ({ file }) => startMs(file));
    return [tableOf(bundles, results, rounds)];
  },
};

/** @returns the bundle's size and its size compressed, in bytes */
function bundled(file: string, source: string | null): { readonly bytes: number; readonly gzip: number } {
  const out = join(FOLDER, file);
  mkdirSync(out, { recursive: true });
  let folder = join(ROOT, "examples", "hono-worker");
  if (source !== null) {
    folder = join(FOLDER, `${file}-source`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "worker.js"), source);
    const config = { name: file, main: "worker.js", compatibility_date: COMPATIBILITY_DATE, minify: true };
    writeFileSync(join(folder, "wrangler.jsonc"), JSON.stringify(config));
  }
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, "node_modules/wrangler/bin/wrangler.js"), "deploy", "--dry-run", "--outdir", out],
    { cwd: folder, encoding: "utf8", env: { ...process.env, WRANGLER_SEND_METRICS: "false" } },
  );
  if (status !== 0) throw new Error(`wrangler could not bundle ${file}:\n${stdout}${stderr}`);
  writeFileSync(join(out, "workerd.capnp"), configOf());
  const bundle = readFileSync(join(out, "worker.js"));
  return { bytes: bundle.length, gzip: gzipSync(bundle).length };
}

/** https://github.com/cloudflare/workerd/blob/main/src/workerd/server/workerd.capnp */
function configOf(): string {
  const vars = Object.entries(VARS).map(([name, text]) => `(name = "${name}", text = "${text}")`);
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = (
      modules = [(name = "worker.js", esModule = embed "worker.js")],
      compatibilityDate = "${COMPATIBILITY_DATE}",
      bindings = [
        ${vars.join(",\n        ")},
        (name = "DB", wrapped = (moduleName = "cloudflare-internal:d1-api",
          innerBindings = [(name = "fetcher", service = "stub")])),
        (name = "WAKE", queue = "stub")
      ]
    )),
    (name = "stub", worker = (
      modules = [(name = "stub.js", esModule = "export default { fetch: () => new Response() }")],
      compatibilityDate = "${COMPATIBILITY_DATE}"
    ))
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`;
}

/** From the start of workerd until the Worker has answered its first request. */
async function startMs(file: string): Promise<number> {
  const startedAt = performance.now();
  const child = spawn(join(BIN, "workerd"), ["serve", "--control-fd=3", "workerd.capnp"], {
    cwd: join(FOLDER, file),
    stdio: ["ignore", "ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    said += chunk;
  });
  const exited = new Promise<never>((_, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`workerd ended with ${code}:\n${said}`)));
  });
  const answered = async () => {
    const response = await fetch(`http://127.0.0.1:${await portOf(child.stdio[3])}/info`);
    await response.text();
    return performance.now() - startedAt;
  };
  const late = setTimeout(() => child.kill("SIGKILL"), LONGEST_MS);
  try {
    return await Promise.race([answered(), exited]);
  } finally {
    clearTimeout(late);
    exited.catch(() => {});
    child.kill("SIGKILL");
  }
}

/** The port that workerd says it listens on: lines of JSON on its control file. */
function portOf(control: unknown): Promise<number> {
  return new Promise((resolve, reject) => {
    if (typeof control !== "object" || control === null || !("on" in control) || typeof control.on !== "function") {
      reject(new Error("workerd has no control file."));
      return;
    }
    let read = "";
    control.on("data", (chunk: Buffer) => {
      read += chunk;
      const port = /"port":\s*(\d+)/.exec(read)?.[1];
      if (port !== undefined) resolve(Number(port));
    });
  });
}

function tableOf(
  bundles: readonly { readonly bytes: number; readonly gzip: number }[],
  results: readonly (readonly number[])[],
  rounds: number,
): Table {
  const [empty = [], , example = []] = results;
  const more = median(example) - median(empty);
  return {
    title: "From the start of workerd to the first answer",
    conditions: `1 caller, 1 process of workerd for each round, ${rounds} rounds, in turn; the same bindings for all, minified as wrangler bundles them. The answered request reads no database.`,
    columns: [
      { title: "Worker" },
      { title: "ms, median", digits: 1 },
      { title: "ms, p99", digits: 1 },
      { title: "of the empty one (least to most)", digits: 2 },
      { title: "bundle, kB", digits: 0 },
      { title: "gzip, kB", digits: 1 },
    ],
    rows: results.map((each, index) => [
      WORKERS[index]?.name ?? "",
      median(each),
      quantile(sorted(each), 0.99),
      ratios(each, empty),
      (bundles[index]?.bytes ?? 0) / 1000,
      (bundles[index]?.gzip ?? 0) / 1000,
    ]),
    meaning: `A new isolate of the example answers ${figure(more)} ms later than one that does nothing: a person who texts does not notice it. Cloudflare lets a Worker take [a second](https://developers.cloudflare.com/workers/platform/limits/) to start.`,
    chart: { column: 1, title: "Start of a Worker to its first answer, ms (less is better)" },
  };
}
