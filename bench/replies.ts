import { fork } from "node:child_process";
import { join } from "node:path";
import pg from "pg";
import type { Databases } from "./databases.ts";
import { inboundOf, openLedger } from "./ledgers.ts";
import { table } from "./table.ts";

const ANSWERER = join(import.meta.dirname, "answerer.ts");
const POLL_MS = 20;

/**
 * Whole conversations on Postgres: `texts` people have texted, and 1, 2 or 4 processes answer them, with an AI and a
 * carrier that answer at once. What is left is ownline and its database. More processes than cores are reported as they
 * are, not promised.
 */
export async function replies(databases: Databases, { texts }: { texts: number }): Promise<void> {
  const rows: string[][] = [];
  let single = Number.NaN;
  for (const processes of [1, 2, 4]) {
    const perSecond = await answered(databases.postgres, processes, texts);
    if (processes === 1) single = perSecond;
    rows.push([String(processes), String(texts), perSecond.toFixed(0), (perSecond / single).toFixed(2)]);
  }
  console.log(table(["processes", "texts", "replies/s", "ratio to one process"], rows));
}

async function answered(url: string, processes: number, texts: number): Promise<number> {
  const name = `bench_replies_${processes}`;
  const admin = new pg.Client({ connectionString: url });
  await admin.connect();
  await admin.query(`create database ${name}`);
  const at = new URL(url);
  at.pathname = `/${name}`;
  const ledger = await openLedger({ kind: "postgres", at: at.href, groupCommit: true });
  const children = await Promise.all(Array.from({ length: processes }, () => startAnswerer(at.href)));
  try {
    for (let n = 0; n < texts; n += 200) {
      const batch = Array.from({ length: Math.min(200, texts - n) }, (_, index) => n + index);
      await Promise.all(
        batch.map((index) =>
          ledger.storage.recordInbound({
            ...inboundOf(`text${index}`, `+1415555${String(index).padStart(5, "0")}`),
            debounceMs: 0,
            maxWaitMs: 0,
          }),
        ),
      );
    }
    const startedAt = performance.now();
    for (const child of children) child.send("go");
    const client = new pg.Client({ connectionString: at.href });
    await client.connect();
    try {
      for (;;) {
        const { rows } = await client.query<{ open: boolean }>(
          `select exists (select from ownline_conversations where answered_seq < inbound_seq)
            or exists (select from ownline_messages where status in ('intent', 'sending')) as open`,
        );
        if (rows[0]?.open === false) return texts / ((performance.now() - startedAt) / 1000);
        await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      }
    } finally {
      await client.end();
    }
  } finally {
    for (const child of children) child.kill("SIGKILL");
    await ledger.close();
    await admin.query(`drop database ${name} with (force)`);
    await admin.end();
  }
}

async function startAnswerer(at: string) {
  const child = fork(ANSWERER, [at], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
  await new Promise<void>((resolve, reject) => {
    child.once("message", () => resolve());
    child.once("exit", (code) => reject(new Error(`an answering process ended with ${code}`)));
  });
  child.removeAllListeners("exit");
  return child;
}
