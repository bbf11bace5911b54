import type { Loaded } from "../database.ts";
import { type Collected, collected, historiesOf, listsOf } from "../ledger/collected.ts";
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
 * What a statement reads: rows of a table; the clock and the call's stored answer; the root's conversations and
 * messages; or conversations' newest messages.
 */
export type Read = Table | "moment" | "roots" | "chosen" | "history";

/** The statements that load a plan, and what each of them reads. */
export interface PlanLoads {
  readonly call: string;
  readonly reads: readonly Read[];
  readonly statements: readonly SqlStatement[];
}

/** Puts together what the statements of plans read. */
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
            history.push(messageRow(row));
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
  return { now, rows: listsOf(rows), answers, found, chosen, histories: historiesOf(history) };
}

/** Adds a row of the database; one that is there already stays once. */
export function collect(rows: Collected, table: Table, row: SqlRow): void {
  switch (table) {
    case "conversations":
      rows.conversations.set(text(row, "id"), conversationRow(row));
      break;
    case "messages":
      rows.messages.set(text(row, "id"), messageRow(row));
      break;
    case "attempts":
      rows.attempts.set(JSON.stringify([row.outbound_id, integer(row, "attempt")]), attemptRow(row));
      break;
    case "events":
      rows.events.set(
        JSON.stringify([row.outbound_id, integer(row, "attempt"), integer(row, "position")]),
        eventRow(row),
      );
      break;
    case "turns":
      rows.turns.set(text(row, "id"), turnRow(row));
      break;
    case "keys":
      rows.keys.set(JSON.stringify([row.kind, row.key]), keyRow(row));
      break;
    case "consents":
      rows.consents.set(text(row, "key"), consentRow(row));
      break;
    case "counters":
      rows.counters.set(text(row, "key"), counterRow(row));
      break;
    case "rateLimits":
      rows.rateLimits.set(text(row, "key"), rateLimitRow(row));
      break;
    case "workers":
      rows.workers.set(text(row, "id"), workerRow(row));
      break;
    case "sweeps":
      rows.sweeps.set(text(row, "sender"), sweepRow(row));
      break;
    default:
      table satisfies never;
  }
}
