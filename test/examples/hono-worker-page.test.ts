import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { CHROMIUM, FLAGS } from "./browser.ts";
import { OURS, PERSON } from "./example.ts";
import { type Edge, runWorker, SECRET, unable } from "./hono-worker.ts";

const missing = unable ?? (existsSync(CHROMIUM) ? null : `there is no Chromium at ${CHROMIUM}`);

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const POLL = { timeout: 30_000, interval: 50 };
const OFFLINE =
  "we: Hello! This is the offline demo: fixed rules answer here, no AI model is connected. Write me anything. (delivered)";
const WELCOME = "we: You are welcome! (Offline demo: a fixed rule wrote this, no AI model is connected.) (delivered)";

describe.skipIf(missing !== null)(`the page of the Worker example${missing === null ? "" : ` (${missing})`}`, () => {
  let browser: Browser;
  let edge: Edge;
  let page: Page;
  /** What the page complained about: errors of its scripts, and what its policy kept from loading. */
  let complaints: string[];

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS] });
  });
  afterAll(() => browser?.close());
  beforeEach(async () => {
    complaints = [];
    edge = await runWorker();
    page = await browser.newPage();
    page.setDefaultTimeout(POLL.timeout);
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (line) => {
      if (/Content Security Policy|Uncaught/.test(line.text())) complaints.push(line.text());
    });
  });
  afterEach(async () => {
    await page.close();
    await edge[Symbol.asyncDispose]();
    if (complaints.length > 0) throw new Error(`the page complained:\n${complaints.join("\n")}`);
  });

  /** The texts that the page shows: who wrote, what, and where it stands. */
  const thread = () =>
    page.$$eval("#thread > li", (rows) =>
      rows.map((row) => {
        const status = row.querySelector("[data-status]")?.getAttribute("data-status");
        const side = row.classList.contains("mine") ? "person" : "we";
        return `${side}: ${row.querySelector(".bubble")?.textContent}${status ? ` (${status})` : ""}`;
      }),
    );

  async function write(text: string): Promise<void> {
    await page.fill("#text", text);
    await page.press("#text", "Enter");
  }

  it("holds a conversation: typed, answered live, texted back, and still there after a reload", async () => {
    await page.goto(`${edge.url}/#secret=${SECRET}`);
    await page.fill("#number", PERSON);
    expect(page.url()).not.toContain(SECRET);
    await write("Hello!");
    await expect.poll(thread, POLL).toEqual(["person: Hello!", OFFLINE]);
    expect(await page.textContent("#link")).toBe("Live");
    expect(edge.sentTo(PERSON)).toHaveLength(1);

    const html = "Thanks <b>& bye</b> <img src=x onerror=alert(1)>";
    await edge.emulator.text({ from: PERSON, to: OURS, body: html });
    const whole = ["person: Hello!", OFFLINE, `person: ${html}`, WELCOME];
    await expect.poll(thread, POLL).toEqual(whole);
    expect(await page.$$("#thread b, #thread img")).toEqual([]);

    await page.reload();
    await expect.poll(thread, POLL).toEqual(whole);
    await page.getByRole("button", { name: PERSON }).waitFor();
  });

  it("misses nothing that happens while its Worker is replaced", async () => {
    await page.goto(`${edge.url}/#secret=${SECRET}`);
    await page.fill("#number", PERSON);
    await write("Hello!");
    await expect.poll(thread, POLL).toEqual(["person: Hello!", OFFLINE]);
    await edge.throwAway();
    await edge.emulator.text({ from: PERSON, to: OURS, body: "Thanks" });
    await expect.poll(thread, POLL).toEqual(["person: Hello!", OFFLINE, "person: Thanks", WELCOME]);
  });

  it("asks for the secret, and says when it is the wrong one", async () => {
    await page.goto(edge.url);
    await page.fill("#secret", "wrong");
    await page.press("#secret", "Enter");
    await page.getByText("must show the Worker's API_SECRET").waitFor();
    await page.fill("#secret", SECRET);
    await page.press("#secret", "Enter");
    await page.getByText("No conversation yet").waitFor();
    expect(await page.isVisible("#sign-in")).toBe(false);
  });

  it("shows what is wrong with a number, and keeps the text", async () => {
    await page.goto(`${edge.url}/#secret=${SECRET}`);
    await page.fill("#number", "12");
    await write("Hello!");
    await page.getByText("is not a phone number that a provider understands").waitFor();
    expect(await page.getAttribute("#number", "aria-invalid")).toBe("true");
    expect(await page.inputValue("#text")).toBe("Hello!");
  });
});
