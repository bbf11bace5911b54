import type { Loaded, Plan, Root, Slice } from "../database.ts";
import { collected, historiesOf, listsOf } from "../ledger/collected.ts";
import { legible } from "../ledger/corrupt.ts";
import { type Choosing, choosesAmong } from "../ledger/plans.ts";
import { TABLES } from "../ledger/rows.ts";
import { integer, record } from "../sql/fields.ts";
import { collect } from "../sql/loaded.ts";
import { messageRow } from "../sql/rows.ts";
import { listIn, rowsOf } from "./rows.ts";
import { some } from "./statements.ts";

type Lists = { readonly [name: string]: unknown };

/**
 * The parameter of the function: lists of everything that the plans name. Only a single plan may choose among
 * candidates. `place`: where to begin among the due candidates, from 0 to below 1; absent to begin with the first one.
 */
export function loadOf(plans: readonly Plan[], now: number | null, place?: number): Lists {
  const alone = aloneIn(plans);
  return {
    now,
    calls: plans.map(({ call }) => call),
    slices: slicesOf(plans, alone !== null),
    ...(alone === null ? rootsOf(plans) : candidatesOf(alone.root)),
    ...(place === undefined ? {} : { place }),
    ...some(
      "turns",
      plans.flatMap(({ root }) => (root.by === "turn" ? [root.id] : [])),
    ),
    ...some(
      "stopped",
      plans.flatMap(({ slices, consents = [] }) => (slices.includes("stoppable") ? consents : [])),
    ),
    ...some(
      "consents",
      plans.flatMap(({ consents = [] }) => consents),
    ),
    ...some(
      "keys",
      plans.flatMap(({ keys = [] }) => keys),
    ),
    ...some(
      "counters",
      plans.flatMap(({ counters = [] }) => counters),
    ),
    ...some(
      "rate_limits",
      plans.flatMap(({ rateLimits = [] }) => rateLimits),
    ),
    ...some(
      "sweeps",
      plans.flatMap(({ sweeps = [] }) => sweeps),
    ),
  };
}

/** The plan that chooses among candidates. It is the only one, because such a call is decided alone. */
function aloneIn([first]: readonly Plan[]): Choosing | null {
  return first !== undefined && choosesAmong(first) ? first : null;
}

/** For each slice, the places of the plans that ask for it; `true` if all plans do. */
function slicesOf(plans: readonly Plan[], isAlone: boolean): Lists {
  const places = new Map<Slice, number[]>();
  for (const [index, { slices }] of plans.entries()) {
    for (const slice of slices) {
      const known = places.get(slice);
      if (known === undefined) places.set(slice, [index + 1]);
      else known.push(index + 1);
    }
  }
  const all = (list: readonly number[]): boolean => isAlone || list.length === plans.length;
  return Object.fromEntries(Array.from(places, ([slice, list]): [Slice, unknown] => [slice, all(list) || list]));
}

function candidatesOf(root: Choosing["root"]): Lists {
  const { by, scope, without = [] } = root;
  const limit = Math.min(root.limit, Number.MAX_SAFE_INTEGER);
  const worker = root.by === "unsent" ? null : root.workerId;
  const found = { by, limit, scope, worker, ...some("without", without) };
  return root.by === "due" ? { ...found, wanted: root.wanted, history: root.historyLimit } : found;
}

/**
 * If all roots are of one kind, the function opens only that kind's table to find the conversations. This is true for
 * most groups and for every single call.
 */
function rootsOf(plans: readonly Plan[]): Lists {
  const kinds = new Set(plans.map(({ root }) => root.by));
  const [only = "roots"] = kinds.size === 1 ? kinds : [];
  return { by: only, roots: plans.map(({ root }) => rootOf(root)) };
}

function rootOf(root: Root): Lists {
  switch (root.by) {
    case "attempt":
      return { by: root.by, id: root.outboundId, attempt: root.attempt, key: root.providerMessageId };
    case "address":
      return { by: root.by, line: root.line, participant_key: root.participantKey };
    case "conversation":
    case "message":
    case "turn":
    case "nothing":
      return { ...root };
    default:
      throw new TypeError("A plan that chooses among candidates was grouped with others.");
  }
}

/** The rows that the function read. */
export interface Read {
  readonly loaded: Loaded;
  /** The time of the database's own clock, even if the storage was given another clock. */
  readonly clock: number;
}

export function readFrom(raw: unknown, plans: readonly Plan[]): Read {
  const read = record(raw, "load");
  const rows = collected();
  for (const table of TABLES) for (const row of rowsOf(read[table])) collect(rows, table, row);
  const answers = new Map<string, string>();
  for (const [call, answer] of listIn<readonly [string, string]>(read.answers)) answers.set(call, answer);
  const found = listIn<string | null>(read.found);
  const chosen = listIn<string | null>(read.chosen);
  const isAlone = aloneIn(plans) !== null;
  const each = (list: readonly (string | null)[]): readonly (readonly string[])[] =>
    isAlone ? [list.flatMap((id) => id ?? [])] : plans.map((_, index) => [list[index] ?? []].flat());
  const histories = historiesOf(legible(rowsOf(read.history), rows.corrupt, messageRow));
  return {
    loaded: {
      now: integer(read, "now"),
      rows: listsOf(rows),
      answers,
      found: each(found),
      chosen: each(chosen),
      histories,
      corrupt: rows.corrupt,
    },
    clock: integer(read, "clock"),
  };
}
