import type { PartResult } from "../results.ts";
import { markdownTable } from "./table.ts";

/** The path is relative to the page `docs/performance.md`. */
export const CHART = "guide/images/performance.svg";

const HEAD = `# Performance

What ownline costs, measured side by side with what else could take the webhook and with the raw speed of each database. \`npm run bench -- --write\` made this page and its picture from \`bench/results.json\`; a test checks that they agree, so no figure here was typed by hand.

Figures are for comparing within one table: all in it were measured in one run, on one machine, in turn, round by round. On another machine only the ratios stay about the same. "p99" is the time that one in a hundred took longer than. "Least to most" are the rounds that lie furthest apart. Losses are in the tables like everything else.

![How ownline compares, by the tables below](${CHART})
`;

const FOOT = `## Measuring it yourself

| Command | What it does |
|---|---|
| \`npm run bench\` | all parts, in about a quarter of an hour |
| \`npm run bench -- --only a,c\` | some parts, by their letters |
| \`npm run bench -- --quick\` | a fraction of the time, to see that everything runs; the figures mean nothing |
| \`npm run bench -- --write\` | also puts the parts that ran into \`bench/results.json\`, and makes this page and the picture from it |
| \`npm run bench -- --baseline FILE\` | where the tarball of an earlier package is, for part i |

A part that cannot run says why: PostgreSQL starts from npm, MongoDB's protocol needs a server in \`OWNLINE_TEST_MONGODB_URL\`, and the Chat SDK and Hono's server for Node come from npm's registry when they are first needed.
`;

/** Makes the page from the results. */
export function performancePage(parts: readonly PartResult[]): string {
  return [HEAD, ...parts.map(section), FOOT].join("\n");
}

function section(part: PartResult): string {
  const tables = part.tables.map((table) =>
    [`### ${table.title}`, `${table.conditions}`, markdownTable(table), table.meaning].join("\n\n"),
  );
  const skipped = part.skipped.map((what) => `Skipped: ${what}.`);
  return `${[`## ${part.letter}. ${part.title}`, whereOf(part), ...skipped, ...tables].join("\n\n")}\n`;
}

function whereOf({ letter, machine }: PartResult): string {
  const { cores, system, node, databases, load, date } = machine;
  const where = [`${cores} cores`, system, `Node ${node.replace(/^v/, "")}`, ...databases].join(", ");
  return `\`npm run bench -- --only ${letter}\` on ${where}; ${date}, load average ${load.toFixed(1)} when it began.`;
}
