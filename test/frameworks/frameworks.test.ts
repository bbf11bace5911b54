import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import ts from "typescript";
import { afterEach, describe, expect, it } from "vitest";
import { twilioEmulator } from "../../src/testing/node/node.ts";
import { freePort } from "../databases/free-port.ts";
import { blocksOfPage, readPage } from "../docs/code-blocks.ts";
import { installed } from "../install/installed.ts";

const PAGE = "docs/guide/frameworks.md";
const PATH = "/api/webhooks/sms";
const OURS = "+15703251809";
const PERSON = "+12345678900";

/** The page's blocks by the file name in their first line. */
const blocks: ReadonlyMap<string, string> = new Map(
  blocksOfPage(PAGE, readPage(PAGE))
    .filter(({ tags }) => tags.includes("framework"))
    .map(({ code }) => [/^\/\/ (\S+)\n/.exec(code)?.[1] ?? "", code]),
);

/** How the test starts a framework; the page's own files are those of `files`. */
interface Framework {
  readonly folder: string;
  readonly files: readonly string[];
  /** What every project of this framework has, and the page therefore does not show. */
  readonly project?: Readonly<Record<string, string>>;
  /** Runs before the start, without a credential in its environment. */
  readonly build?: readonly string[];
  readonly start: readonly string[];
}

const FRAMEWORKS: Readonly<Record<string, Framework>> = {
  "node:http": { folder: "lambda", files: ["http.ts"], start: ["http.ts"] },
  Fastify: { folder: "fastify", files: ["fastify.ts"], start: ["fastify.ts"] },
  Koa: { folder: "koa", files: ["koa.ts"], start: ["koa.ts"] },
  Hono: { folder: "hono", files: ["hono.ts"], start: ["hono.ts"] },
  NestJS: { folder: "nestjs", files: ["nest.ts"], start: ["nest.js"] },
  "AWS Lambda": { folder: "lambda", files: ["lambda.ts"], start: ["gateway.ts"], project: { "gateway.ts": gateway() } },
  "Next.js": {
    folder: "nextjs",
    files: ["app/api/webhooks/sms/route.ts", "app/api/cron/route.ts"],
    project: {
      "app/layout.tsx":
        'export default function Layout({ children }: { children: React.ReactNode }) {\n  return <html lang="en"><body>{children}</body></html>;\n}\n',
      "next.config.mjs": "export default { turbopack: { root: import.meta.dirname } };\n",
    },
    build: ["node_modules/next/dist/bin/next", "build"],
    start: ["node_modules/next/dist/bin/next", "start", "-H", "127.0.0.1"],
  },
  SvelteKit: {
    folder: "sveltekit",
    files: ["src/routes/api/webhooks/sms/+server.ts", "svelte.config.js", "src/hooks.server.ts"],
    project: {
      "src/app.html": "<!doctype html><html><head>%sveltekit.head%</head><body>%sveltekit.body%</body></html>\n",
      "vite.config.js":
        'import { sveltekit } from "@sveltejs/kit/vite";\n\nexport default { plugins: [sveltekit()] };\n',
    },
    build: ["node_modules/vite/bin/vite.js", "build"],
    start: ["build/index.js"],
  },
};

/** API Gateway in small: it turns HTTP into events of payload format 2.0, with the body in base64, and has a schedule. */
function gateway(): string {
  return `
import { createServer } from "node:http";
import { due, handler } from "./lambda.ts";

createServer(async (request, response) => {
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const url = new URL(request.url, "http://gateway.example");
  const result = await handler({
    rawPath: url.pathname,
    rawQueryString: url.search.slice(1),
    headers: request.headers,
    requestContext: { domainName: "gateway.example", http: { method: request.method } },
    body: Buffer.concat(chunks).toString("base64"),
    isBase64Encoded: true,
  });
  response.writeHead(result.statusCode, result.headers).end(result.body);
}).listen(Number(process.env.PORT), "127.0.0.1");
setInterval(() => void due(), 500);
`;
}

let started: ChildProcess | undefined;
afterEach(() => {
  started?.kill("SIGKILL");
  started = undefined;
});

function prepare({ folder: name, files, project = {} }: Framework): string {
  const folder = installed(`test/frameworks/${name}`);
  for (const old of ["app", "src", ".next", "build", ".svelte-kit", "ownline.db", "ownline.db-wal", "ownline.db-shm"]) {
    rmSync(join(folder, old), { recursive: true, force: true });
  }
  const write = (file: string, text: string): void => {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  };
  for (const [file, text] of Object.entries(project)) write(file, text);
  for (const file of ["sms.ts", ...files]) {
    const code = blocks.get(file);
    if (code === undefined) throw new Error(`${PAGE} has no block that begins with: // ${file}`);
    write(file, code);
  }
  // Nest's decorators need a compiler, as every Nest project has one.
  if (files.includes("nest.ts")) {
    const { outputText } = ts.transpileModule(blocks.get("nest.ts") ?? "", {
      compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2022, experimentalDecorators: true },
    });
    write("nest.js", outputText);
  }
  return folder;
}

/** What an emulated Twilio sees of a service that runs the page's blocks. */
describe.each(Object.entries(FRAMEWORKS))("the page's recipe for %s", (_, framework) => {
  it("takes a signed webhook over HTTP, refuses a forged one, and answers the text", async () => {
    const folder = prepare(framework);
    const bare = { PATH: process.env.PATH ?? "", HOME: folder, NODE_ENV: "production", NEXT_TELEMETRY_DISABLED: "1" };
    if (framework.build !== undefined) {
      const built = spawnSync(process.execPath, [...framework.build], { cwd: folder, env: bare, encoding: "utf8" });
      if (built.status !== 0) throw new Error(`The build failed:\n${built.stdout}${built.stderr}`);
    }
    const port = await freePort();
    const webhookUrl = `http://127.0.0.1:${port}${PATH}`;
    await using twilio = twilioEmulator({ numbers: [OURS], smsUrl: webhookUrl });
    const apiUrl = await twilio.listen();
    const lines: string[] = [];
    started = spawn(process.execPath, [...framework.start], {
      cwd: folder,
      env: {
        ...bare,
        PORT: String(port),
        TWILIO_NUMBER: OURS,
        TWILIO_ACCOUNT_SID: twilio.credentials.accountSid,
        TWILIO_AUTH_TOKEN: twilio.credentials.authToken,
        TWILIO_API_URL: apiUrl,
        WEBHOOK_URL: webhookUrl,
      },
    });
    for (const stream of [started.stdout, started.stderr]) stream?.on("data", (data) => lines.push(String(data)));
    await until(async () => (await fetch(webhookUrl, { method: "PUT" }).catch(() => null)) !== null, lines);

    const forged = await fetch(webhookUrl, {
      method: "POST",
      headers: { "x-twilio-signature": "AAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
      body: new URLSearchParams({ MessageSid: `SM${"b".repeat(32)}`, From: PERSON, To: OURS, Body: "forged" }),
    });
    expect([forged.status, await forged.text()]).toEqual([403, expect.stringContaining("webhook_rejected")]);

    await twilio.text({ from: PERSON, to: OURS, body: "Are you open? Für zwei & 100% 😀" });
    const answers = () => twilio.messages.filter(({ direction }) => direction === "outbound-api");
    await until(async () => answers().length > 0, lines);
    expect(answers().map(({ from, to }) => [from, to])).toEqual([[OURS, PERSON]]);
    expect(twilio.alerts).toEqual([]);
  });
});

describe("the page", () => {
  it("has no block that is not run", () => {
    const run = new Set(["sms.ts", ...Object.values(FRAMEWORKS).flatMap(({ files }) => files)]);
    expect([...blocks.keys()].filter((file) => !run.has(file))).toEqual([]);
  });
});

async function until(holds: () => Promise<boolean>, lines: readonly string[]): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (started?.exitCode !== null) throw new Error(`The service ended:\n${lines.join("")}`);
    if (await holds()) return;
    await setTimeout(100);
  }
  throw new Error(`Nothing came within a minute:\n${lines.join("")}`);
}
