import type { Plan, Root } from "../database.ts";
import { KEY, ROOT_LOADS, sliceLoads } from "./load-statements.ts";
import type { PlanLoads, Read } from "./loaded.ts";
import { bind, keepable, leavingOut, NOW, oneLine, type Params, prepare, type Statement } from "./statement.ts";

interface Load {
  readonly reads: Read;
  readonly statement: Statement;
}

/** The statements for a plan. All of them see the same snapshot. */
export function loadsOf(plan: Plan, now: number | null): PlanLoads {
  const loads = preparedFor(plan);
  const params = paramsOf(plan, now);
  return {
    call: plan.call,
    reads: loads.map(({ reads }) => reads),
    statements: loads.map(({ statement }) => bind(statement, params)),
  };
}

const prepared = new Map<string, readonly Load[]>();

/** Plans of one shape have the same statements. */
function preparedFor(plan: Plan): readonly Load[] {
  const { root, slices, consents = [], keys = [], counters = [], rateLimits = [], sweeps = [] } = plan;
  const kinds = [...new Set(keys.map(({ kind }) => kind))];
  const lists = [consents, counters, rateLimits, sweeps].map((list) => (list.length === 0 ? 0 : 1));
  const leavesOut = withoutIn(root).length > 0;
  const shape = [root.by, ...slices, ...kinds, ...lists, leavesOut].join(" ");
  const known = prepared.get(shape);
  if (known !== undefined) return known;
  const texts: [Read, string][] = [
    ["moment", MOMENT],
    ...ROOT_LOADS[root.by],
    ...slices.flatMap((slice) => sliceLoads(slice, root.by, consents.length > 0, kinds)),
  ];
  if (consents.length > 0) texts.push(["consents", listed("ownline_consents", "key", "consents")]);
  if (keys.length > 0) texts.push(["keys", KEYS]);
  if (counters.length > 0) texts.push(["counters", listed("ownline_counters", "key", "counters")]);
  if (rateLimits.length > 0) texts.push(["rateLimits", listed("ownline_rate_limits", "key", "rateLimits")]);
  if (sweeps.length > 0) texts.push(["sweeps", listed("ownline_sweeps", "sender", "sweeps")]);
  const loads = together(texts).map(([reads, sql]) => ({
    reads,
    statement: prepare(oneLine(leavingOut(sql, leavesOut))),
  }));
  prepared.set(shape, loads);
  return loads;
}

/**
 * Combines the statements that read the same kind of rows, because D1 may count each statement of a batch against its
 * limits.
 */
function together(texts: readonly (readonly [Read, string])[]): [Read, string][] {
  const byRead = new Map<Read, string[]>();
  for (const [reads, sql] of texts) byRead.set(reads, [...(byRead.get(reads) ?? []), sql]);
  return Array.from(byRead, ([reads, parts]) => [reads, parts.join(" union all ")]);
}

const MOMENT = `select ${NOW} as now, (select a.answer from ownline_answers a where a.call = :call) as answer`;

function listed(table: string, column: string, list: string): string {
  return `select t.* from json_each(:${list}) j cross join ${table} t on t.${column} = j.value`;
}

const KEYS = `select k.* from json_each(:keys) j cross join ${KEY}`;

function paramsOf(plan: Plan, now: number | null): Params {
  const { call, root, consents = [], keys = [], counters = [], rateLimits = [], sweeps = [] } = plan;
  const { by: _, ...place } = root;
  return {
    ...place,
    without: JSON.stringify(withoutIn(root)),
    now,
    call,
    consents: listText(consents),
    keys: JSON.stringify(keys.map(({ kind, key }) => ({ kind, key: keepable(key) }))),
    counters: listText(counters),
    rateLimits: listText(rateLimits),
    sweeps: listText(sweeps),
  };
}

function withoutIn(root: Root): readonly string[] {
  return "without" in root ? (root.without ?? []) : [];
}

function listText(list: readonly string[]): string {
  return JSON.stringify(list.map(keepable));
}
