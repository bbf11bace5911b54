import pg from "pg";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { postgres } from "../../src/storage/postgres.ts";
import { storageContract } from "../../src/testing/contracts/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { type PostgresLedgers, postgresLedgers, quiet } from "./postgres-ledgers.ts";

/*
 * auto_explain logs the plan of every statement, those inside the functions too
 * (https://www.postgresql.org/docs/current/auto-explain.html). With `enable_seqscan` off, PostgreSQL scans a table only
 * where no index can serve a query.
 */
const EXPLAIN = `
  load 'auto_explain';
  set auto_explain.log_min_duration = 0;
  set auto_explain.log_nested_statements = on;
  set auto_explain.log_format = json;
  set auto_explain.log_level = notice;
  set client_min_messages = notice;
  set enable_seqscan = off;
  set jit = off`;

interface Plan {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly "Index Name"?: string;
  readonly "Index Cond"?: string;
  readonly Plans?: readonly Plan[];
}

interface Explained {
  readonly "Query Text": string;
  readonly Plan: Plan;
}

function nodesOf(plan: Plan): readonly Plan[] {
  return [plan, ...(plan.Plans ?? []).flatMap(nodesOf)];
}

/** Steps that read all of a table of the ledger. */
function scansOf(plan: Plan): string[] {
  return nodesOf(plan)
    .filter((node) => node["Node Type"] === "Seq Scan" && node["Relation Name"]?.startsWith("ownline_"))
    .map((node) => `${node["Relation Name"]}`);
}

/** Steps that read all of an index: right only where a limit ends them, or where the index holds what is sought. */
function wholeIndexesOf(plan: Plan): string[] {
  return nodesOf(plan).flatMap((node) => {
    const index = node["Index Name"];
    return index?.startsWith("ownline_") && node["Index Cond"] === undefined ? [index] : [];
  });
}

/** Cases that bring every function to its last line. */
const CONTRACT = [
  "returns the newest messages with a turn, no more than were asked for",
  "records a text with a conversation of its own",
  "gives racing texts of one conversation a place each",
  "cancels what has not left when STOP comes, in other conversations with the same consent too",
  "stores the auto-reply with the text, and returns it again",
  "backs off after a failure, which a newer text cannot shorten",
  "gives way to a newer text where the commit asks for it",
  "resumes without what was unanswered where it is skipped",
  "marks an expired worker's texts as unknown",
  "reclaims an expired worker's conversations",
  "waits for the last of several full counters",
  "backs a sender off when the provider says so, and voids every reservation made before",
  "sends the parts of a text one after the other",
  "waits for an unknown text of the conversation for a while, then overtakes it",
  "keeps a second provider's id and says that it is a duplicate",
  "takes a refused send for an opt-out, with all that STOP does",
  "takes a text back that the provider refused for now, and sends it again later",
  "sends an unknown text again, holds it or drops it, as decided",
  "believes the list when it shows an unknown attempt",
  "looks again later for a text that the list does not show yet, and changes nothing else",
  "counts an unknown attempt as a competing one in any state of its text",
  "counts an attempt that is under way as a competing one: its entry may be in the list before its answer is recorded",
  "requeues together with what has come since and waits for an answer",
  "marks as unknown what stands as not sent, each with an attempt that no worker makes",
  "removes what is old and done with, and keeps what waits",
  "erase: a repetition returns the first answer and changes nothing",
  "lists conversations by their newest message, page by page, each once",
  "pages through messages upwards and downwards",
  "feeds every change once, by its position",
  "shows of a text and its reply by which turn, in which attempts, with which callbacks",
  "claimSweep: a repetition returns the first answer and changes nothing",
  "commitSweep: a repetition returns the first answer and changes nothing",
  "says which texts it has never recorded, an erased one not among them",
  "answers a text at once that was recorded by a clock that was a month ahead",
  "leaves a queue of reservations as it is where a clock was a month ahead for a moment",
  "takes back what an expired worker holds that was heard of by a clock a month ahead, a lease after that is seen",
];

describe("the statements of the PostgreSQL ledger", () => {
  let ledgers: PostgresLedgers;
  const explained = new Map<string, Plan>();

  beforeAll(async () => {
    ledgers = await postgresLedgers();
    const pool = new pg.Pool({ connectionString: inject("postgresUrl"), max: 1 });
    pool.on("connect", (client) => {
      client.on("notice", ({ message = "" }) => {
        const start = message.indexOf("{");
        if (!message.startsWith("duration:") || start < 0) return;
        const shown: Explained = JSON.parse(message.slice(start));
        explained.set(shown["Query Text"].replace(/\s+/g, " ").trim(), shown.Plan);
      });
    });
    await pool.query(EXPLAIN);
    // Statistics of tables that a case has just emptied make any plan look good; without them, sizes are assumed.
    const { rows: tables } = await pool.query<{ name: string }>(
      "select format('%I.%I', schemaname, tablename) as name from pg_tables where schemaname = $1",
      [ledgers.schema],
    );
    for (const { name } of tables) await pool.query(`alter table ${name} set (autovacuum_enabled = off)`);
    const cases = storageContract({
      async create() {
        const clock = manualClock();
        const storage = postgres(pool, { schema: ledgers.schema, clock, logger: quiet });
        return { storage, advance: (ms) => clock.advance(ms), dispose: () => ledgers.empty() };
      },
    });
    const chosen = cases.filter(({ name }) => CONTRACT.includes(name));
    if (chosen.length !== CONTRACT.length) throw new Error("A case of the contract has another name now.");
    for (const { run } of chosen) await run();
    await pool.end();
  }, 60_000);

  afterAll(() => ledgers.dispose());

  const ofLedger = () => [...explained].filter(([sql]) => sql.includes("ownline_"));

  it("are all seen: each function that the ledger calls, and the reads", () => {
    const called = ofLedger().flatMap(([sql]) => /^select "\w+"\.ownline_1_(\w+)\(\$1::jsonb/.exec(sql)?.[1] ?? []);
    expect(called.toSorted()).toEqual(["apply", "erase", "load", "purge"]);
    const reads = ofLedger().filter(([sql]) => sql.startsWith("select") && !sql.includes("ownline_1_"));
    expect(reads.length).toBeGreaterThan(7);
  });

  it("keep one plan for all arguments, made without scans, in every function that is called from outside", async () => {
    const { rows } = await ledgers.pool.query<{ name: string; settings: readonly string[] | null }>(
      `select p.proname as name, p.proconfig as settings from pg_proc p
        where p.pronamespace = $1::regnamespace and pg_get_function_identity_arguments(p.oid) = 'p jsonb'`,
      [ledgers.schema],
    );
    expect(rows.map(({ name }) => name).toSorted()).toEqual(
      ["apply", "erase", "load", "purge"].map((name) => `ownline_1_${name}`),
    );
    const settings = ["plan_cache_mode=force_generic_plan", "enable_seqscan=off"];
    for (const row of rows) expect(row).toEqual({ name: row.name, settings });
  });

  it("never scan a table, however many rows it has", () => {
    expect(ofLedger().length).toBeGreaterThan(100);
    expect(ofLedger().flatMap(([sql, plan]) => scansOf(plan).map((table) => `${table} in: ${sql}`))).toEqual([]);
  });

  it("read all of an index only where it holds few rows, or where a limit ends it", () => {
    const whole = ofLedger().flatMap(([sql, plan]) => wholeIndexesOf(plan).map((index) => `${index} in: ${sql}`));
    expect(whole.filter((entry) => !/ limit |\bmin\(/.test(entry))).toEqual([]);
  });

  it("would be caught scanning", async () => {
    const client = new pg.Client({ connectionString: inject("postgresUrl") });
    await client.connect();
    await client.query("set enable_seqscan = off");
    const { rows } = await client.query<{ "QUERY PLAN": readonly { readonly Plan: Plan }[] }>(
      `explain (format json) select * from "${ledgers.schema}".ownline_messages where body = 'x'`,
    );
    await client.end();
    const plan = rows[0]?.["QUERY PLAN"][0]?.Plan;
    expect(plan === undefined ? [] : scansOf(plan)).toEqual(["ownline_messages"]);
  });
});
