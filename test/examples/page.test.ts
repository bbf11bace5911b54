import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { CHROMIUM, FLAGS } from "./browser.ts";
import { OURS, PERSON, runExample, surroundings } from "./example.ts";

vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 });

const POLL = { timeout: 30_000, interval: 50 };

let browser: Browser | undefined;
let page: Page;
/** What the page complained about: errors of its scripts, and what its policy kept from loading. */
let complaints: string[];

beforeAll(async () => {
  if (existsSync(CHROMIUM)) browser = await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS] });
});
afterAll(() => browser?.close());

beforeEach(async ({ skip }) => {
  if (browser === undefined) return skip(`there is no Chromium at ${CHROMIUM}`);
  complaints = [];
  page = await browser.newPage();
  page.setDefaultTimeout(POLL.timeout);
  page.on("pageerror", (error) => complaints.push(String(error)));
  page.on("console", (line) => {
    if (/Content Security Policy|Uncaught/.test(line.text())) complaints.push(line.text());
  });
});
afterEach(async () => {
  if (browser === undefined) return;
  await page.close();
  if (complaints.length > 0) throw new Error(`the page complained:\n${complaints.join("\n")}`);
});

/** The texts that the page shows: who wrote, what, and where it stands. */
async function textsIn(selector: string): Promise<string[]> {
  return page.$$eval(`${selector} > li`, (rows) =>
    rows.map((row) => {
      const side = row.classList.contains("mine") ? "person" : "we";
      const status = row.querySelector("[data-status]")?.getAttribute("data-status");
      return `${side}: ${row.querySelector(".bubble")?.textContent}${status ? ` (${status})` : ""}`;
    }),
  );
}

const thread = () => textsIn("#thread");
const onPhone = () => textsIn("#phone-thread");

const OFFLINE =
  "we: Hello! This is the offline demo: fixed rules answer here, no AI model is connected. Write me anything.";
const WELCOME = "we: You are welcome! (Offline demo: a fixed rule wrote this, no AI model is connected.)";

async function write(text: string): Promise<void> {
  await page.fill("#text", text);
  await page.press("#text", "Enter");
}

describe("the page of the Express example", () => {
  it("holds a conversation: typed, answered by SMS, texted back, answered again, and still there after a reload", async () => {
    await using around = await surroundings();
    await using example = await runExample(around.env);
    await page.goto(example.url);
    await page.getByText("Start a conversation").waitFor();
    await page.fill("#number", PERSON);
    await write("Hello!");

    await expect.poll(thread, POLL).toEqual(["person: Hello!", `${OFFLINE} (delivered)`]);
    expect(around.sent()).toEqual([{ from: OURS, to: PERSON, body: OFFLINE.slice("we: ".length) }]);
    expect(around.emulator.messages.filter(({ from }) => from === PERSON)).toEqual([]);
    expect(await page.inputValue("#text")).toBe("");

    const html = "Thanks <b>& bye</b> <img src=x onerror=alert(1)>";
    await around.emulator.text({ from: PERSON, to: OURS, body: html });
    const whole = ["person: Hello!", `${OFFLINE} (delivered)`, `person: ${html}`, `${WELCOME} (delivered)`];
    await expect.poll(thread, POLL).toEqual(whole);
    expect(await page.$$("#thread b, #thread img")).toEqual([]);

    await page.reload();
    await expect.poll(thread, POLL).toEqual(whole);
    await page.getByRole("button", { name: PERSON }).waitFor();
  });

  it("says which model answers, and how to set a real one", async () => {
    await using example = await runExample({});
    await page.goto(example.url);
    await page.click("#ai summary");
    expect(await page.textContent("#ai")).toMatch(
      /Answered by offline rules.*No AI model is connected.*OPENAI_API_KEY/s,
    );
  });

  it("shows what is wrong with a number, and keeps the text", async () => {
    await using example = await runExample({});
    await page.goto(example.url);
    await page.fill("#number", "12");
    await write("Hello!");
    await page.getByText("This is not a phone number that a provider understands").waitFor();
    expect(await page.getAttribute("#number", "aria-invalid")).toBe("true");
    expect(await page.inputValue("#text")).toBe("Hello!");
    expect(await thread()).toEqual([]);
  });

  it("lets a person take over and hand back", async () => {
    await using around = await surroundings();
    await using example = await runExample(around.env);
    await around.emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    await page.goto(example.url);
    await expect.poll(thread, POLL).toEqual(["person: Hi", `${OFFLINE} (delivered)`]);

    await page.getByRole("button", { name: "Take over" }).click();
    await page.getByText("you have taken over, the AI is silent").waitFor();
    await around.emulator.text({ from: PERSON, to: OURS, body: "Anybody there?" });
    await page.getByText("Anybody there?").first().waitFor();
    await write("Ada here.");
    await expect.poll(thread, POLL).toContain("we: Ada here. (delivered)");

    await page.getByRole("button", { name: "Hand back to the AI" }).click();
    await page.getByRole("button", { name: "Take over" }).waitFor();
    await write("Thanks");
    await expect
      .poll(thread, POLL)
      .toEqual([
        "person: Hi",
        `${OFFLINE} (delivered)`,
        "person: Anybody there?",
        "we: Ada here. (delivered)",
        "person: Thanks",
        `${WELCOME} (delivered)`,
      ]);
  });

  it("misses nothing that happens while it is cut off", async () => {
    await using around = await surroundings();
    await using first = await runExample(around.env);
    let isCutOff = false;
    await page.route("**/socket.io/?**", (route) => (isCutOff ? route.abort() : route.continue()));
    await page.routeWebSocket("**/socket.io/**", (socket) => {
      if (isCutOff) void socket.close();
      else socket.connectToServer();
    });
    await around.emulator.text({ from: PERSON, to: OURS, body: "Hi" });
    await page.goto(first.url);
    await expect.poll(thread, POLL).toEqual(["person: Hi", `${OFFLINE} (delivered)`]);
    isCutOff = true;
    await first.end("SIGKILL");
    await page.getByText("Reconnecting").waitFor();

    await using second = await runExample(around.env);
    await around.emulator.text({ from: PERSON, to: OURS, body: "Thanks" });
    await expect.poll(() => around.sent(), POLL).toHaveLength(2);
    await around.emulator.idle();
    expect(await thread()).toHaveLength(2);

    isCutOff = false;
    await expect
      .poll(thread, POLL)
      .toEqual(["person: Hi", `${OFFLINE} (delivered)`, "person: Thanks", `${WELCOME} (delivered)`]);
    expect(await page.textContent("#link")).toBe("Live");
    expect(second.url).toBe(first.url);
  });

  it("has a phone in the demo, on which the answer arrives and from which one can text back", async () => {
    await using example = await runExample({});
    await page.goto(example.url);
    await page.fill("#number", PERSON);
    await write("Hello!");
    await expect.poll(onPhone, POLL).toEqual([OFFLINE]);
    await page.fill("#phone-text", "Bye");
    await page.press("#phone-text", "Enter");
    await expect.poll(onPhone, POLL).toEqual([OFFLINE, "person: Bye", WELCOME]);
    await expect
      .poll(thread, POLL)
      .toEqual(["person: Hello!", `${OFFLINE} (delivered)`, "person: Bye", `${WELCOME} (delivered)`]);
  });
});
