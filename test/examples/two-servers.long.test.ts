import { existsSync } from "node:fs";
import pg from "pg";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, inject, it, vi } from "vitest";
import { CHROMIUM, FLAGS } from "./browser.ts";
import { freePort, OURS, PERSON, runExample, surroundings } from "./example.ts";

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 });

const POLL = { timeout: 30_000, interval: 50 };

let browser: Browser | undefined;

beforeAll(async () => {
  if (existsSync(CHROMIUM)) browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS] });
});
afterAll(() => browser?.close());

/** A database of its own on the server that the tests share. */
async function database(name: string): Promise<{ readonly url: string; drop(): Promise<void> }> {
  const admin = new pg.Client({ connectionString: inject("postgresUrl") });
  await admin.connect();
  await admin.query(`drop database if exists ${name} with (force)`);
  await admin.query(`create database ${name}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return {
    url: url.href,
    async drop() {
      await admin.query(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}

const thread = (page: Page) =>
  page.$$eval("#thread > li", (rows) =>
    rows.map((row) => {
      const side = row.classList.contains("mine") ? "person" : "we";
      return `${side}: ${row.querySelector(".bubble")?.textContent?.slice(0, 12)}`;
    }),
  );

it("serves one conversation by two servers on one Postgres, and shows it live on the pages of both", async ({
  skip,
}) => {
  if (browser === undefined) return skip(`there is no Chromium at ${CHROMIUM}`);
  const { url, drop } = await database("two_servers");
  await using around = await surroundings();
  const env = { ...around.env, OWNLINE_STORAGE: url };
  try {
    await using one = await runExample(env);
    await using two = await runExample({ ...env, PORT: String(await freePort()) });
    const [left, right] = await Promise.all([browser.newPage(), browser.newPage()]);
    await Promise.all([left.goto(one.url), right.goto(two.url)]);

    // By webhook, which the provider brings to the first.
    await around.emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    for (const page of [left, right]) await page.getByRole("button", { name: PERSON }).click();
    const first = ["person: Hi", "we: Hello! This "];
    await expect.poll(() => thread(left), POLL).toEqual(first);
    await expect.poll(() => thread(right), POLL).toEqual(first);

    // Typed on the page of the second.
    await right.fill("#text", "Thanks");
    await right.press("#text", "Enter");
    const whole = [...first, "person: Thanks", "we: You are welc"].map((line) => line.slice(0, 16));
    const seen = async (page: Page) => (await thread(page)).map((line) => line.slice(0, 16));
    await expect.poll(() => seen(right), POLL).toEqual(whole);
    await expect.poll(() => seen(left), POLL).toEqual(whole);
    // The pages show an answer before it has left.
    await expect.poll(() => around.sent(), POLL).toHaveLength(2);

    // The one that is left goes on alone.
    await two.end("SIGKILL");
    await around.emulator.text({ from: PERSON, to: OURS, body: "Thanks" });
    await expect.poll(() => around.sent(), POLL).toHaveLength(3);
    await expect.poll(async () => (await thread(left)).length, POLL).toBe(6);
  } finally {
    await drop();
  }
});
