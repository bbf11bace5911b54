import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { inTurn, ratios } from "../../bench/measure.ts";
import { type ContestantSpec, openContestant } from "../../bench/webhook/contestant.ts";
import { drive } from "../../bench/webhook/drive.ts";
import { fetchInProcess, provider } from "../../bench/webhook/provider.ts";
import { makeTexts, requestOf } from "../../bench/webhook/texts.ts";
import { ROOT } from "../docs/code-blocks.ts";

/** Those that need no install and no server. */
const CONTESTANTS: readonly ContestantSpec[] = [
  { kind: "bare" },
  { kind: "twilio" },
  { kind: "ownline", ledger: { kind: "memory" }, build: null },
];

async function opened(spec: ContestantSpec, answers: boolean) {
  const standIn = provider();
  const sent: string[] = [];
  const take = (form: string) => {
    sent.push(form);
    return standIn.take(form);
  };
  const contestant = await openContestant(spec, { answers, fetch: fetchInProcess({ ...standIn, take }) });
  onTestFinished(() => contestant.close());
  const post = async (request: Request) => (await contestant.handle(request, (work) => void work)).status;
  return { standIn, sent, post };
}

describe.each(CONTESTANTS)("in the benchmark, $kind", (spec) => {
  it("answers each of several texts at once with the same reply", async () => {
    const { standIn, sent, post } = await opened(spec, true);
    const texts = makeTexts(20, 0);
    const { acknowledgedMs, repliedMs } = await drive({
      texts,
      callers: 4,
      post: async (text) => expect(await post(requestOf(text))).toBe(200),
      provider: standIn,
    });
    expect([acknowledgedMs.length, repliedMs.length]).toEqual([20, 20]);
    const forms = sent.map((form) => new URLSearchParams(form));
    expect(forms.map((form) => form.get("To")).toSorted()).toEqual(texts.map(({ person }) => person).toSorted());
    expect(new Set(forms.map((form) => `${form.get("From")}: ${form.get("Body")}`))).toEqual(
      new Set(["+15703251809: Yes, we have a table at eight."]),
    );
  });

  it("refuses a text whose signature does not match, so that all do the same work", async () => {
    const { sent, post } = await opened(spec, true);
    const [text, other] = makeTexts(2, 0);
    if (text === undefined || other === undefined) throw new Error("There are no texts.");
    expect(await post(requestOf({ ...text, signature: other.signature }))).toBe(403);
    expect(sent).toEqual([]);
  });

  it("sends nothing where only acknowledgements are measured", async () => {
    const { sent, post } = await opened(spec, false);
    for (const text of makeTexts(3, 0)) expect(await post(requestOf(text))).toBe(200);
    expect(sent).toEqual([]);
  });
});

describe("rounds", () => {
  it("are taken in turn, every second one in the opposite order", async () => {
    const order: string[] = [];
    const results = await inTurn(["a", "b", "c"], 3, async (one, round) => {
      order.push(one);
      return `${one}${round}`;
    });
    expect(order.join("")).toBe("abccbaabc");
    expect(results).toEqual([
      ["a0", "a1", "a2"],
      ["b0", "b1", "b2"],
      ["c0", "c1", "c2"],
    ]);
  });

  it("are compared each with the one beside it", () => {
    expect(ratios([1, 4, 9], [2, 4, 3])).toEqual({ median: 1, least: 0.5, most: 3 });
  });
});

describe("npm run bench", () => {
  const run = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, "bench", "main.ts"), ...args], {
      encoding: "utf8",
    });
    return { status, stderr };
  };

  it("names the parts where it is asked for one that is not there", () => {
    expect(run("--only", "a,z")).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/There is no part z; the parts are a \(.+\), b \(/),
    });
  });

  it("records nothing of a quick run", () => {
    expect(run("--quick", "--write")).toMatchObject({
      status: 1,
      stderr: expect.stringContaining("leave out --quick"),
    });
  });
});
