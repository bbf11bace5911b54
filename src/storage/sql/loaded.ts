import type { Loaded } from "../database.ts";
import { type Collected, collected, historiesOf, listsOf } from "../ledger/collected.ts";
import { CorruptRow, legible } from "../ledger/corrupt.ts";
import { nameOf } from "../ledger/held.ts";
import type { MessageRow, Table } from "../ledger/rows.ts";
import type { SqlRow, SqlStatement } from "./driver.ts";
import { integer, text, textOrNull } from "./fields.ts";
import {
  attemptRow,
  consentRow,
  conversationRow,
  counterRow,
  eventRow,
  keyRow,
  messageRow,
  rateLimitRow,
  sweepRow,
  turnRow,
  workerRow,
} from "./rows.ts";

/**
 * The kinds of rows that a statement reads. A table: its rows. `moment`: the clock and the call's stored answer.
 * `roots`: the root's conversations. `chosen`: the root's messages. `history`: the newest messages of conversations.
 */
export type Read = Table | "moment" | "roots" | "chosen" | "history";

/** The statements that load a plan, and the kind of rows that each of them reads. */
export interface PlanLoads {
  readonly call: string;
  readonly reads: readonly Read[];
  readonly statements: readonly SqlStatement[];
}

/** Combines the rows that the statements of all plans have read. */
export function loadedFrom(loads: readonly PlanLoads[], results: readonly (readonly SqlRow[])[]): Loaded {
  const rows = collected();
  const answers = new Map<string, string>();
  const found: string[][] = [];
  const chosen: string[][] = [];
  const history: MessageRow[] = [];
  let now: number | null = null;
  let at = 0;
  for (const { call, reads } of loads) {
    const roots: string[] = [];
    const picked: string[] = [];
    for (const read of reads) {
      for (const row of results[at] ?? []) {
        switch (read) {
          case "moment": {
            now ??= integer(row, "now");
            const answer = textOrNull(row, "answer");
            if (answer !== null) answers.set(call, answer);
            break;
          }
          case "roots":
            roots.push(text(row, "id"));
            collect(rows, "conversations", row);
            break;
          case "chosen":
            picked.push(text(row, "id"));
            collect(rows, "messages", row);
            break;
          case "history":
            history.push(...legible([row], rows.corrupt, messageRow));
            break;
          default:
            collect(rows, read, row);
        }
      }
      at += 1;
    }
    found.push(roots);
    chosen.push(picked);
  }
  if (now === null) throw new TypeError("A select without a table returned no row.");
  return { now, rows: listsOf(rows), answers, found, chosen, histories: historiesOf(history), corrupt: rows.corrupt };
}

/**
 * Adds a row of the database. A row that is in the map already is there once; a row that cannot be read goes to
 * `corrupt`.
 */
export function collect(rows: Collected, table: Table, row: SqlRow): void {
  try {
    add(rows, table, row);
  } catch (error) {
    if (!(error instanceof CorruptRow)) throw error;
    rows.corrupt.push(error.row);
  }
}

function add(rows: Collected, table: Table, row: SqlRow): void {
  switch (table) {
    case "conversations":
      keep(rows.conversations, ({ id }) => id, conversationRow(row));
      break;
    case "messages":
      keep(rows.messages, ({ id }) => id, messageRow(row));
      break;
    case "attempts":
      keep(rows.attempts, ({ outboundId, attempt }) => nameOf(outboundId, attempt), attemptRow(row));
      break;
    case "events":
      keep(rows.events, ({ outboundId, attempt, position }) => nameOf(outboundId, attempt, position), eventRow(row));
      break;
    case "turns":
      keep(rows.turns, ({ id }) => id, turnRow(row));
      break;
    case "keys":
      keep(rows.keys, ({ kind, key }) => nameOf(kind, key), keyRow(row));
      break;
    case "consents":
      keep(rows.consents, ({ key }) => key, consentRow(row));
      break;
    case "counters":
      keep(rows.counters, ({ key }) => key, counterRow(row));
      break;
    case "rateLimits":
      keep(rows.rateLimits, ({ key }) => key, rateLimitRow(row));
      break;
    case "workers":
      keep(rows.workers, ({ id }) => id, workerRow(row));
      break;
    case "sweeps":
      keep(rows.sweeps, ({ sender }) => sender, sweepRow(row));
      break;
    default:
      table satisfies never;
  }
}

function keep<Row>(rows: Map<string, Row>, naming: (row: Row) => string, row: Row): void {
  rows.set(naming(row), row);
}
