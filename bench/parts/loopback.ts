import { Agent, request } from "node:http";
import { join } from "node:path";
import { inTurn, median, quantile, ratios, sorted } from "../measure.ts";
import { type Bench, type Part, sized } from "../part.ts";
import { peerVersion } from "../peers.ts";
import { type Program, startProgram } from "../processes.ts";
import type { ServerAnswer, ServerCommand, ServerTask } from "../programs/server.ts";
import { besides } from "../report/words.ts";
import type { Table } from "../results.ts";
import { drive } from "../webhook/drive.ts";
import { listenAsProvider, provider } from "../webhook/provider.ts";
import { FORM, HOOK_PATH, makeTexts, type SignedText } from "../webhook/texts.ts";

const PROGRAM = join(import.meta.dirname, "..", "programs", "server.ts");
const CALLERS = 32;
const MEMORY: ServerTask["contestant"] = { kind: "ownline", ledger: { kind: "memory" }, build: null };

interface Row {
  readonly name: string;
  readonly task: Pick<ServerTask, "framework" | "contestant">;
}

interface Round {
  readonly rate: number;
  readonly ms: readonly number[];
  /** The server's processor time for each text. */
  readonly cpuMs: number;
}

async function rowsOf(bench: Bench): Promise<Row[]> {
  const chat = peerVersion("chat");
  const plain: Row[] = [
    { name: "Express, twilio's middleware", task: { framework: "express", contestant: { kind: "twilio" } } },
    { name: "Express, ownline", task: { framework: "express", contestant: MEMORY } },
  ];
  if (!(await bench.peers())) return plain;
  return [
    ...plain,
    { name: `Express, Chat SDK, ${chat}`, task: { framework: "express", contestant: { kind: "chat" } } },
    { name: "Hono, bare node:crypto", task: { framework: "hono", contestant: { kind: "bare" } } },
    { name: "Hono, ownline", task: { framework: "hono", contestant: MEMORY } },
    { name: `Hono, Chat SDK, ${chat}`, task: { framework: "hono", contestant: { kind: "chat" } } },
  ];
}

export const loopback: Part = {
  letter: "b",
  title: "Webhooks over loopback, in Express and Hono",
  async run(bench) {
    const rounds = sized(bench, 1, 5);
    const texts = sized(bench, 100, 2000);
    const rows = await rowsOf(bench);
    const acknowledged = await measured(rows, { answers: false, rounds, texts });
    const turned = await measured(rows, { answers: true, rounds, texts: texts / 2 });
    return [
      tableOf(rows, acknowledged, {
        title: "Acknowledged",
        conditions: `${CALLERS} callers in one process, the server in another, ${rounds} rounds of ${texts} texts, in turn, over kept-alive connections of 127.0.0.1. No reply is made.`,
        meaning:
          "The rest is the framework's, Node's and the socket's own work; the plain servers keep nothing of the text.",
      }),
      tableOf(rows, turned, {
        title: "A whole turn",
        conditions: `As above, ${texts / 2} texts a round; each caller waits until the provider, a server in the callers' process, has the request with the reply.`,
        meaning:
          "Here the request to the provider and the callers cost the machine as much as the servers do, so they lie closer together than in a.",
      }),
    ];
  },
};

async function measured(
  rows: readonly Row[],
  { answers, rounds, texts }: { readonly answers: boolean; readonly rounds: number; readonly texts: number },
): Promise<Round[][]> {
  const standIn = provider();
  const listening = await listenAsProvider(standIn);
  const servers: Program<ServerCommand, ServerAnswer>[] = [];
  let from = 0;
  const round = async (server: Program<ServerCommand, ServerAnswer>): Promise<Round> => {
    const { port } = await server.ask({ look: "port" });
    const made = makeTexts(texts, from);
    from += texts;
    // A server ends a connection that was idle for 5 s, as connections are between the rounds.
    const agent = new Agent({ keepAlive: true, maxSockets: CALLERS });
    const driven = await drive({
      texts: made,
      callers: CALLERS,
      post: (text) => post(agent, port, text),
      provider: answers ? standIn : null,
    });
    agent.destroy();
    const { cpuMs } = await server.ask({ look: "processor time" });
    return {
      rate: texts / driven.seconds,
      ms: answers ? driven.repliedMs : driven.acknowledgedMs,
      cpuMs: cpuMs / texts,
    };
  };
  try {
    for (const { task } of rows) {
      servers.push(await startProgram(PROGRAM, { ...task, answers, providerUrl: listening.url } satisfies ServerTask));
    }
    // The first round warms up.
    const results = await inTurn(servers, rounds + 1, round);
    return results.map((each) => each.slice(1));
  } finally {
    for (const server of servers) await server.stop();
    await listening.close();
  }
}

function post(agent: Agent, port: number, { body, signature }: SignedText): Promise<void> {
  return new Promise((resolve, reject) => {
    const headers = {
      "content-type": FORM,
      "content-length": Buffer.byteLength(body),
      "x-twilio-signature": signature,
    };
    const asked = request({ agent, port, path: HOOK_PATH, method: "POST", headers }, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === 200) resolve();
        else reject(new Error(`A signed text was answered ${response.statusCode}.`));
      });
    });
    asked.once("error", reject);
    asked.end(body);
  });
}

function tableOf(
  rows: readonly Row[],
  results: readonly Round[][],
  { title, conditions, meaning }: Pick<Table, "title" | "conditions" | "meaning">,
): Table {
  const ratesOf = (index: number) => results[index]?.map(({ rate }) => rate) ?? [];
  const rateIn = (framework: string, isWanted: (kind: string) => boolean): number => {
    const found = rows.findIndex(({ task }) => task.framework === framework && isWanted(task.contestant.kind));
    return found < 0 ? Number.NaN : median(ratesOf(found));
  };
  const compared = ["express", "hono"].flatMap((framework) => {
    const own = rateIn(framework, (kind) => kind === "ownline");
    const plain = rateIn(framework, (kind) => kind === "twilio" || kind === "bare");
    const chat = rateIn(framework, (kind) => kind === "chat");
    if (Number.isNaN(own)) return [];
    const beside = Number.isNaN(chat) ? "" : ` and ${besides(own, chat, "the Chat SDK")}`;
    return `In ${framework === "hono" ? "Hono" : "Express"}, ownline does ${besides(own, plain, "the plain server")}${beside}.`;
  });
  return {
    title,
    conditions,
    columns: [
      { title: "Server" },
      { title: "a second" },
      { title: "of the plain one (least to most)", digits: 2 },
      { title: "ms, median", digits: 1 },
      { title: "ms, p99", digits: 1 },
      { title: "server's CPU ms for each", digits: 2 },
    ],
    rows: results.map((each, index) => {
      const plain = rows.findIndex(({ task }) => task.framework === rows[index]?.task.framework);
      const ms = sorted(each.flatMap((round) => round.ms));
      return [
        rows[index]?.name ?? "",
        median(ratesOf(index)),
        ratios(ratesOf(index), ratesOf(plain)),
        quantile(ms, 0.5),
        quantile(ms, 0.99),
        median(each.map(({ cpuMs }) => cpuMs)),
      ];
    }),
    meaning: [...compared, meaning].join(" "),
    chart: { column: 1, title: `${title} over loopback, a second` },
  };
}
