import { ledgerKinds } from "../ledger-kinds.ts";
import { type Bench, type Part, sized } from "../part.ts";
import type { WebhooksTask } from "../programs/webhooks.ts";
import { figure } from "../report/words.ts";
import type { Table } from "../results.ts";
import { type Rounds, times, webhookRounds } from "../webhook/rounds.ts";

type Contestant = readonly [name: string, contestant: WebhooksTask["contestant"]];

/** How long a text takes through a service that does no other work, on each ledger. */
export const latency: Part = {
  letter: "e",
  title: "From the webhook to the provider's request",
  async run(bench) {
    const rounds = sized(bench, 1, 5);
    const texts = sized(bench, 20, 100);
    const { contestants, drop } = await bring(bench);
    try {
      const tasks = contestants.map(([, contestant]) => ({ contestant, answers: true }));
      const results = await webhookRounds(tasks, { texts, callers: 1, people: null }, rounds);
      return [tableOf(contestants, results, { rounds, texts })];
    } finally {
      await drop();
    }
  },
};

async function bring(bench: Bench): Promise<{ contestants: Contestant[]; drop(): Promise<void> }> {
  const drops: (() => Promise<void>)[] = [];
  const contestants: Contestant[] = [
    ["bare node:crypto, nothing stored", { kind: "bare" }],
    ...((await bench.peers()) ? [["Chat SDK, state-memory", { kind: "chat" }] satisfies Contestant] : []),
    ["ownline, memory()", { kind: "ownline", ledger: { kind: "memory" }, build: null }],
  ];
  for (const { name, fresh } of await ledgerKinds(bench)) {
    const { ledger, drop } = await fresh("latency");
    drops.push(drop);
    contestants.push([`ownline, ${name}`, { kind: "ownline", ledger, build: null }]);
  }
  return {
    contestants,
    async drop() {
      for (const drop of drops) await drop();
    },
  };
}

function tableOf(
  contestants: readonly Contestant[],
  results: readonly Rounds[],
  { rounds, texts }: { readonly rounds: number; readonly texts: number },
): Table {
  const rows = results.map(({ acknowledgedMs, repliedMs }, index) => {
    const [median, p99] = times(repliedMs, 1);
    return { name: contestants[index]?.[0] ?? "", acknowledged: times(acknowledgedMs, 1)[0], median, p99 };
  });
  const slowest = rows.toSorted((one, other) => other.median - one.median)[0];
  return {
    title: "One text at a time",
    conditions: `1 caller and 1 process for each, ${rounds} rounds of ${texts} texts, each from another person, in turn. From the webhook's Request until the provider has the request with the reply, without a burst window (\`burst.quietMs\` 0; it is 2000 by default) and without a rate limit; the AI answers at once.`,
    columns: [
      { title: "Service" },
      { title: "acknowledged: ms, median", digits: 2 },
      { title: "provider has the reply: ms, median", digits: 2 },
      { title: "ms, p99", digits: 2 },
    ],
    rows: rows.map(({ name, acknowledged, median, p99 }) => [name, acknowledged, median, p99]),
    meaning: `By default a person waits two seconds for the burst window, then for the AI. What ownline itself adds here is ${figure(slowest?.median ?? 0, 1)} ms where it is slowest (${slowest?.name}).`,
    chart: { column: 2, title: "From the webhook to the provider's request, ms (less is better)" },
  };
}
