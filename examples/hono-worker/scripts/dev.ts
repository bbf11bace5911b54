import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { type TwilioEmulator, twilioEmulator } from "ownline/testing/node";

/*
 * The Worker on this machine, with an emulated provider. It needs no account and costs nothing. No text leaves the
 * machine, unless you set a model of your own. This terminal is the person's phone.
 */
const FOLDER = fileURLToPath(new URL("..", import.meta.url));
const OURS = process.env.TWILIO_PHONE_NUMBER || "+15703251809";
const PERSON = process.env.DEV_PHONE || "+12345678900";
const SECRET = process.env.API_SECRET || "development-secret";
const STATE = process.env.DEV_STATE || ".wrangler/state";
const FIRST_PORT = Number(process.env.PORT || 8787);
const PORTS = 20;
const CRON_MS = 60_000;
const STATUS_DELAY_MS = 500;
/** npm sends a signal to this process that it also gets by itself: the two count as one. */
const TOGETHER_MS = 1000;
/** The variables of a model of your own; see .dev.vars.example. */
const PASSED_ON = ["OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_MODEL"];

const port = await freePort(FIRST_PORT);
const address = `http://localhost:${port}`;
const emulator = twilioEmulator({
  numbers: [OURS],
  smsUrl: `${address}/webhooks/sms`,
  statusDelayMs: STATUS_DELAY_MS,
});
const variables = {
  ...Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name] ?? ""])),
  API_SECRET: SECRET,
  TWILIO_ACCOUNT_SID: emulator.credentials.accountSid,
  TWILIO_AUTH_TOKEN: emulator.credentials.authToken,
  TWILIO_PHONE_NUMBER: OURS,
  TWILIO_API_URL: await emulator.listen(),
  WEBHOOK_URL: `${address}/webhooks/sms`,
};

const migrated = await ended(wrangler("d1", "migrations", "apply", "DB", "--local", "--persist-to", STATE));
if (migrated !== 0) fail("The local database could not be made ready; wrangler's message above says why.");

const vars = Object.entries(variables).flatMap(([name, value]) => (value === "" ? [] : ["--var", `${name}:${value}`]));
const worker = wrangler("dev", "--local", "--port", String(port), "--persist-to", STATE, ...vars);
let stoppedAt: number | null = null;
worker.once("close", () => {
  if (stoppedAt === null) fail("wrangler ended; its message above says why.");
  process.exit(0);
});
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    if (stoppedAt === null) {
      stoppedAt = performance.now();
      worker.kill(signal);
    } else if (performance.now() - stoppedAt > TOGETHER_MS) {
      worker.kill("SIGKILL");
      fail(`${signal} again: ended at once. The work under way is in the database, for the next start.`);
    }
  });
}

await answering();
console.log(`The page:     ${address}/#secret=${encodeURIComponent(SECRET)}`);
console.log(`The webhook:  ${variables.WEBHOOK_URL}`);
console.log(`The phone:    ${PERSON} is this terminal. Write a line to text ${OURS}; what arrives is shown here.`);

// Only this script calls a local Worker's cron. It does so at once too, because the last run may have left work.
await runCron();
setInterval(() => void runCron(), CRON_MS).unref();
emulator.onMessage(({ direction, to, body, status }) => {
  if (direction !== "inbound" && status === "delivered") console.log(`[${to}] ${body}`);
});
createInterface({ input: process.stdin }).on("line", (line) => {
  if (line.trim() !== "") void textFromPhone(emulator, line);
});

function wrangler(...args: string[]): ChildProcess {
  const env = { ...process.env, WRANGLER_SEND_METRICS: "false", CLOUDFLARE_CF_FETCH_ENABLED: "false", CI: "true" };
  const child = spawn("wrangler", args, {
    cwd: FOLDER,
    env,
    stdio: ["ignore", "inherit", "inherit"],
    shell: process.platform === "win32",
  });
  child.once("error", () => fail("wrangler was not found: run npm install, then start this with npm run dev."));
  return child;
}

async function ended(child: ChildProcess): Promise<number | null> {
  const [code] = await once(child, "close");
  return typeof code === "number" ? code : null;
}

async function answering(): Promise<void> {
  for (;;) {
    try {
      await fetch(address);
      return;
    } catch {
      // Not ready yet. If the Worker never becomes ready, wrangler ends, and then this script ends too.
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
  }
}

async function runCron(): Promise<void> {
  try {
    const { status } = await fetch(`${address}/cdn-cgi/local/scheduled`);
    if (status !== 200) console.error(`The cron answered ${status}: the Worker's log above says why.`);
  } catch (error) {
    console.error("The cron could not be run:", error);
  }
}

async function textFromPhone(provider: TwilioEmulator, body: string): Promise<void> {
  const { response } = await provider.text({ from: PERSON, to: OURS, body });
  if (response === null || response.status >= 300) {
    console.error(`The webhook answered ${response?.status ?? "nothing"}: the Worker's log above says why.`);
  }
}

async function freePort(first: number): Promise<number> {
  for (let candidate = first; candidate < first + PORTS; candidate += 1) {
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once("error", () => resolve(false));
      server.listen(candidate, "127.0.0.1", () => resolve(true));
    });
    if (isFree) {
      await new Promise((resolve) => server.close(resolve));
      return candidate;
    }
  }
  return fail(`The ports from ${first} to ${first + PORTS - 1} are taken: give another PORT.`);
}

function fail(words: string): never {
  console.error(words);
  process.exit(1);
}
