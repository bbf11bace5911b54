import { median, ratios } from "../measure.ts";
import { type Bench, type Part, sized } from "../part.ts";
import { peerVersion } from "../peers.ts";
import type { WebhooksTask } from "../programs/webhooks.ts";
import { besides } from "../report/words.ts";
import type { Cell, Table } from "../results.ts";
import { type Rounds, times, webhookRounds } from "../webhook/rounds.ts";
import { verifyTable } from "./verify.ts";

type Contestant = WebhooksTask["contestant"];

/** The number of persons from whom the acknowledged texts come. */
const PEOPLE = 1000;
const MANY = 32;

type Named = readonly [name: string, contestant: Contestant];

async function contestants(bench: Bench): Promise<Named[]> {
  const chat = peerVersion("chat");
  return [
    ["bare node:crypto", { kind: "bare" }],
    ["twilio 6.2.0, validateRequest", { kind: "twilio" }],
    ...((await bench.peers()) ? ([[`Chat SDK, ${chat}, state-memory`, { kind: "chat" }]] satisfies Named[]) : []),
    ["ownline, memory()", { kind: "ownline", ledger: { kind: "memory" }, build: null }],
  ];
}

export const inProcess: Part = {
  letter: "a",
  title: "One signed webhook in one process",
  async run(bench) {
    const all = await contestants(bench);
    const rounds = sized(bench, 2, 9);
    return [
      await acknowledged(all, rounds, sized(bench, 200, 2000)),
      await turned(withHistory(all), rounds, sized(bench, 100, 1000)),
      await verifyTable(rounds, sized(bench, 1000, 20_000)),
    ];
  },
};

/**
 * The Chat SDK, also with the conversation for its AI, as ownline's AI gets it. This changes a turn, and not an
 * acknowledgement.
 */
function withHistory(all: readonly Named[]): Named[] {
  return all.flatMap((one): Named[] =>
    one[1].kind === "chat"
      ? [one, ["Chat SDK, with the AI's history as in its guide", { kind: "chat-history" }]]
      : [one],
  );
}

async function acknowledged(all: readonly Named[], rounds: number, texts: number): Promise<Table> {
  const tasks = all.map(([, contestant]) => ({ contestant, answers: false }));
  const results = await webhookRounds(tasks, { texts, callers: 1, people: PEOPLE }, rounds);
  const [bare] = results;
  return {
    title: "Acknowledged",
    conditions: `1 caller and 1 process for each, ${rounds} rounds of ${texts} texts from ${PEOPLE} persons, in turn. From the Request to the Response; no reply is made. Work after the Response is not timed. Processor time is that of the whole process, with garbage collection and the work after the Response.`,
    columns: [
      { title: "Who takes the webhook" },
      { title: "µs, median", digits: 0 },
      { title: "µs, p99", digits: 0 },
      { title: "a second" },
      { title: "of bare (least to most)", digits: 2 },
      { title: "CPU µs for each", digits: 0 },
    ],
    rows: results.map((of, index) => [
      all[index]?.[0] ?? "",
      ...times(of.acknowledgedMs, 1000),
      median(of.rates),
      ratios(of.rates, bare?.rates ?? []),
      median(of.cpuMs) * 1000,
    ]),
    meaning: `${compared(all, results)} It has written the text and the conversation into its ledger by then, which the bare handler and the package twilio do not. Twilio waits 15 s for an answer, so a person notices none of these; on one core they are how many webhooks a process can take.`,
    chart: { column: 3, title: "Acknowledged webhooks a second, one process, one caller" },
  };
}

async function turned(all: readonly Named[], rounds: number, texts: number): Promise<Table> {
  const tasks = all.map(([, contestant]) => ({ contestant, answers: true }));
  const measure = (callers: number) => webhookRounds(tasks, { texts, callers, people: null }, rounds);
  const [alone, together] = [await measure(1), await measure(MANY)];
  const chat = all.findIndex(([, { kind }]) => kind === "chat");
  const ofChat = (results: readonly Rounds[], of: Rounds): Cell =>
    chat < 0 ? null : ratios(of.rates, results[chat]?.rates ?? []);
  return {
    title: "A whole turn",
    conditions: `1 process for each, ${rounds} rounds of ${texts} texts, each from another person, in turn; once with 1 caller, once with ${MANY}. From the Request until the provider has the request with the reply; the AI and the provider are in the same process, answer at once, and are the same for all. ownline's AI gets the conversation so far; the Chat SDK's does where its row says so, for which it lists the provider's messages. In ownline, bursts are not waited for and senders have no rate limit (\`burst.quietMs\` 0, \`sending.rateLimit\` false).`,
    columns: [
      { title: "Who answers" },
      { title: "µs, median", digits: 0 },
      { title: "µs, p99", digits: 0 },
      { title: "a second, 1 caller" },
      { title: "of the Chat SDK (least to most)", digits: 2 },
      { title: `a second, ${MANY} callers` },
      { title: "of the Chat SDK (least to most)", digits: 2 },
      { title: "CPU µs for each, 1 caller", digits: 0 },
    ],
    rows: alone.map((of, index) => {
      const many = together[index] ?? of;
      return [
        all[index]?.[0] ?? "",
        ...times(of.repliedMs, 1000),
        median(of.rates),
        ofChat(alone, of),
        median(many.rates),
        ofChat(together, many),
        median(of.cpuMs) * 1000,
      ];
    }),
    meaning: `${compared(all, alone)} It commits the text, the turn, the reply, the attempt and the provider's answer one after the other, with every check before a send; the others keep at most which ids have come, so a crash between two steps loses the reply or sends it twice. An AI takes seconds: a person notices none of these times.`,
    chart: { column: 3, title: "Whole turns a second, one process, one caller" },
  };
}

/** Compares ownline with the others, by their medians. */
function compared(all: readonly Named[], results: readonly Rounds[]): string {
  const rate = (wanted: Contestant["kind"]) => {
    const found = results[all.findIndex(([, { kind }]) => kind === wanted)];
    return found === undefined ? null : median(found.rates);
  };
  const [own, bare, official, chat] = [rate("ownline"), rate("bare"), rate("twilio"), rate("chat")];
  if (own === null || bare === null || official === null) return "";
  const beside = chat === null ? "" : ` and ${besides(own, chat, "the Chat SDK")}`;
  return `With 1 caller, ownline does ${besides(own, bare, "bare node:crypto")}, ${besides(own, official, "the package twilio")}${beside}.`;
}
