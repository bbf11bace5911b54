import { AsyncLocalStorage } from "node:async_hooks";
import { isDeepStrictEqual } from "node:util";
import type { Changes, Decided, Guard, LedgerDatabase, Loaded, Plan, Rows } from "../../src/storage/database.ts";
import { collected, listsOf } from "../../src/storage/ledger/collected.ts";
import { ledgerOver } from "../../src/storage/ledger/ledger.ts";
import { PRIMARY_KEYS, TABLES, type Table } from "../../src/storage/ledger/rows.ts";
import { erase, purge } from "../../src/storage/memory/erasure.ts";
import { MemoryTables } from "../../src/storage/memory/tables.ts";
import { postgresDatabase } from "../../src/storage/postgres/database.ts";
import { rowsOf } from "../../src/storage/postgres/rows.ts";
import type { PostgresPool } from "../../src/storage/postgres.ts";
import { TABLE_NAMES } from "../../src/storage/sql/columns.ts";
import { collect } from "../../src/storage/sql/loaded.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import { type Dice, diceOf } from "../../src/testing/simulation/dice.ts";
import { type Call, learn, outcomeOf, Story } from "./agreement.ts";
import { holds } from "./interleaving-memory.ts";
import { persistent } from "./persistent.ts";
import { type PostgresLedgers, quiet } from "./postgres-ledgers.ts";
import { type Fault, ReplayOracle, rowsIn } from "./replay-oracle.ts";

const PROCESSES = 3;
const CALLERS = 6;
const CALLS_EACH = 30;
const LONGEST_PAUSE = 3;
const LOSING = 0.03;

/** What one story on PostgreSQL came to. */
export interface Replayed {
  readonly faults: readonly (Fault | string)[];
  readonly reached: ReadonlySet<string>;
  readonly commits: number;
  readonly replays: number;
  /** Decisions that cannot be compared: see {@link ReplayOracle.excused}, and reads that PostgreSQL does not lock. */
  readonly excused: number;
  /** Decisions that were made anew. */
  readonly moved: number;
}

/** What was committed, at its place in PostgreSQL's log. */
interface Committed {
  readonly at: bigint;
  replay(): void;
}

/**
 * Plays one made-up story with several callers over three processes on one PostgreSQL ledger, and then decides all that
 * was committed again, one after the other, over rows in memory. Answers and rows must agree.
 *
 * The order is that of the server's log. Of two decisions that lock the same row, the second one ends behind the commit
 * of the first one.
 */
export async function playOnPostgres(ledgers: PostgresLedgers, seed: number): Promise<Replayed> {
  const scene = new Scene(ledgers, seed);
  const story = new Story(seed);
  const processes = Array.from({ length: PROCESSES }, () => scene.open());
  const reached = new Set<string>();

  async function make(call: Call): Promise<unknown> {
    if (!scene.dice.chance(0.15)) return await call(scene.dice.pick(processes));
    const [answer] = await Promise.all([call(scene.dice.pick(processes)), call(scene.dice.pick(processes))]);
    return answer;
  }

  async function caller(): Promise<void> {
    for (let count = 0; count < CALLS_EACH; count += 1) {
      if (scene.dice.chance(0.2)) await scene.clock.advance(scene.dice.between(0, 15_000));
      const answer = await make(story.next());
      learn(story, answer);
      reached.add(outcomeOf(answer));
    }
  }

  const callers = await Promise.allSettled(Array.from({ length: CALLERS }, caller));
  for (const one of callers) if (one.status === "rejected") throw one.reason;
  return { ...(await scene.replay()), reached };
}

interface Applied {
  at: bigint | null;
}

class Scene {
  readonly dice: Dice;
  readonly clock: ManualClock = manualClock();
  readonly #ledgers: PostgresLedgers;
  readonly #committed: Committed[] = [];
  readonly #tables = new MemoryTables();
  readonly #oracle = new ReplayOracle(this.#tables);
  readonly #faults: string[] = [];
  readonly #deleted = new Set<string>();
  readonly #underWay = new Set<Promise<unknown>>();
  #deleting: Promise<unknown> | null = null;
  #moved = 0;
  #unlocked = 0;

  constructor(ledgers: PostgresLedgers, seed: number) {
    this.#ledgers = ledgers;
    this.dice = diceOf(seed);
  }

  /** The ledger as one process has it. */
  open(): Storage {
    const applied = new AsyncLocalStorage<Applied>();
    const pool = this.#watched(this.#ledgers.connect(), applied);
    const { schema } = this.#ledgers;
    const database = postgresDatabase({ pool, schema, logger: quiet, clock: this.clock, maxBatch: 8, maxDelayMs: 0 });
    const decide = <Answer>(plans: readonly Plan[], judge: (loaded: Loaded) => Decided<Answer>): Promise<Answer> =>
      this.#beside(() => this.#decide(database, applied, plans, judge));
    return persistent(
      ledgerOver({
        ...database,
        decide,
        erase: (order) =>
          this.#alone(() => {
            const replay = () => this.#once(order.callId, () => erase(this.#tables, order));
            return this.#delete(applied, () => database.erase(order), replay);
          }),
        purge: (order) =>
          this.#alone(() => {
            const now = this.clock.now();
            const replay = () => this.#once(order.callId, () => purge(this.#tables, order, now));
            return this.#delete(applied, () => database.purge(order), replay);
          }),
      }),
    );
  }

  /** Lets other calls run before a write, notes the place of its commit, and loses some answers. */
  #watched(pool: PostgresPool, applied: AsyncLocalStorage<Applied>): PostgresPool {
    const place = " as answer, (pg_current_wal_insert_lsn() - '0/0')::text as place";
    return {
      query: async (sql, values) => {
        if (!/ownline_1_(apply|erase|purge)\(/.test(sql)) return await pool.query(sql, values);
        for (let turn = this.dice.between(0, LONGEST_PAUSE); turn > 0; turn -= 1) await turnOfEvents();
        const result = await pool.query(sql.replace(" as answer", place), values);
        const [row] = result.rows;
        const isWritten = !sql.includes("_apply(") || valueIn(row, "answer") === null;
        const store = applied.getStore();
        if (store !== undefined && isWritten) store.at = BigInt(String(valueIn(row, "place")));
        if (!isWritten) this.#moved += 1;
        if (isWritten && this.dice.chance(LOSING)) throw new Error("The answer was lost after the commit.");
        return result;
      },
    };
  }

  async #decide<Answer>(
    database: LedgerDatabase,
    applied: AsyncLocalStorage<Applied>,
    plans: readonly Plan[],
    judge: (loaded: Loaded) => Decided<Answer>,
  ): Promise<Answer> {
    const store: Applied = { at: null };
    const decisions: { readonly loaded: Loaded; readonly decided: Decided<Answer> }[] = [];
    const noted = (loaded: Loaded): Decided<Answer> => {
      const decided = judge(loaded);
      decisions.push({ loaded, decided });
      return decided;
    };
    try {
      return await applied.run(store, () => database.decide(plans, noted));
    } finally {
      const last = decisions.at(-1);
      if (store.at !== null && last !== undefined) {
        const { loaded, decided } = last;
        this.#committed.push({ at: store.at, replay: () => this.#replayOne(plans, judge, loaded, decided) });
      }
    }
  }

  #replayOne<Answer>(
    plans: readonly Plan[],
    judge: (loaded: Loaded) => Decided<Answer>,
    loaded: Loaded,
    decided: Decided<Answer>,
  ): void {
    const { changes } = decided;
    if (changes === null) return;
    const moved = changes.guards.filter((guard) => !holds(this.#tables, guard));
    const isLocked = moved.filter((guard) => !isUnlocked(guard, changes));
    for (const { on } of isLocked) this.#faults.push(`${plans.map(({ call }) => call).join()}: the guard of a ${on}`);
    if (moved.length === 0) this.#oracle.checkCommit(plans, judge, loaded, decided);
    else this.#unlocked += 1;
    this.#tables.apply(changes, loaded.now);
  }

  async #delete<Answer>(
    applied: AsyncLocalStorage<Applied>,
    act: () => Promise<Answer>,
    replay: () => void,
  ): Promise<Answer> {
    const store: Applied = { at: null };
    try {
      return await applied.run(store, act);
    } finally {
      if (store.at !== null) this.#committed.push({ at: store.at, replay });
    }
  }

  /** A repetition deletes nothing more. */
  #once(callId: string, act: () => void): void {
    if (this.#deleted.has(callId)) return;
    this.#deleted.add(callId);
    act();
  }

  async #beside<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    while (this.#deleting !== null) await this.#deleting;
    const acting = act();
    const settled = acting.then(
      () => {},
      () => {},
    );
    this.#underWay.add(settled);
    void settled.then(() => this.#underWay.delete(settled));
    return await acting;
  }

  /**
   * Runs a deletion alone. It chooses its rows before it locks them, so it spares what another process is about to
   * insert. The log does not show that order: the other commit may have its place before that of the deletion.
   */
  async #alone<Answer>(act: () => Promise<Answer>): Promise<Answer> {
    while (this.#deleting !== null) await this.#deleting;
    const acting = Promise.all(this.#underWay).then(act);
    this.#deleting = acting.catch(() => {});
    try {
      return await acting;
    } finally {
      this.#deleting = null;
    }
  }

  async replay(): Promise<Omit<Replayed, "reached">> {
    const inOrder = this.#committed.toSorted((one, other) => (one.at < other.at ? -1 : 1));
    for (const { replay } of inOrder) replay();
    const faults = [...this.#faults, ...this.#oracle.faults, ...unlike(rowsIn(this.#tables), await this.#rows())];
    const { replays, excused } = this.#oracle;
    return { faults, replays, excused: excused + this.#unlocked, commits: inOrder.length, moved: this.#moved };
  }

  /** All rows of PostgreSQL. */
  async #rows(): Promise<Rows> {
    const { pool, schema } = this.#ledgers;
    const found = collected();
    for (const table of TABLES) {
      const { rows } = await pool.query(`select to_json(t) as row from "${schema}".${TABLE_NAMES[table]} t`);
      for (const row of rowsOf(rows.map((one) => one.row))) collect(found, table, row);
    }
    return listsOf(found);
  }
}

function turnOfEvents(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function valueIn(row: unknown, column: string): unknown {
  return typeof row === "object" && row !== null ? Reflect.get(row, column) : undefined;
}

/** What is only read, and not locked: another process may change it before the commit, and then stands behind it. */
function isUnlocked({ on, key }: Guard, { updated }: Changes): boolean {
  if (on === "rateLimit") return updated.rateLimits?.some((row) => row.key === key) !== true;
  return on === "key" || on === "call" || on === "address";
}

/** Rows that differ, by table and name. */
function unlike(expected: Rows, actual: Rows): string[] {
  return TABLES.flatMap((table) => {
    const [one, other] = [byName(table, expected), byName(table, actual)];
    return [...new Set([...one.keys(), ...other.keys()])]
      .filter((name) => !isDeepStrictEqual(one.get(name), other.get(name)))
      .map(
        (name) =>
          `${table} ${name}: ${JSON.stringify(one.get(name))} in memory, ${JSON.stringify(other.get(name))} kept`,
      );
  });
}

function byName(table: Table, rows: Rows): ReadonlyMap<string, object> {
  const names: readonly string[] = PRIMARY_KEYS[table];
  return new Map(
    (rows[table] ?? []).map((row: object): [string, object] => [
      JSON.stringify(names.map((field) => Reflect.get(row, field))),
      row,
    ]),
  );
}
