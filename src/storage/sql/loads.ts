import type { Loaded, Plan, Root, Rows, Slice } from "../database.ts";
import type { Table } from "../ledger/rows.ts";
import type { SqlRow, SqlStatement } from "./driver.ts";
import {
  attemptRow,
  consentRow,
  conversationRow,
  counterRow,
  eventRow,
  integer,
  keyRow,
  messageRow,
  rateLimitRow,
  sweepRow,
  text,
  turnRow,
  workerRow,
} from "./rows.ts";
import { QUEUED, STOPPABLE } from "./schema.ts";
import { bind, keepable, NOW, oneLine, type Params, prepare, type Statement } from "./statement.ts";

/** What a statement reads: rows of a table, or something beside them. */
type Read = Table | "now" | "answers" | "roots" | "chosen";

interface Load {
  readonly reads: Read;
  readonly statement: Statement;
}

/** The statements that load a plan, and what each of them reads. */
export interface PlanLoads {
  readonly reads: readonly Read[];
  readonly statements: readonly SqlStatement[];
}

/** The statements for a plan. All of them see one moment. */
export function loadsOf(plan: Plan, now: number | null): PlanLoads {
  const loads = preparedFor(plan);
  const params = paramsOf(plan, now);
  return {
    reads: loads.map(({ reads }) => reads),
    statements: loads.map(({ statement }) => bind(statement, params)),
  };
}

const prepared = new Map<string, readonly Load[]>();

/** Plans of one shape have the same statements. */
function preparedFor(plan: Plan): readonly Load[] {
  const { root, slices, consents = [], keys = [], counters = [], rateLimits = [], sweeps = [] } = plan;
  const lists = [consents, keys, counters, rateLimits, sweeps].map((list) => (list.length === 0 ? 0 : 1));
  const shape = [root.by, ...slices, ...lists].join(" ");
  const known = prepared.get(shape);
  if (known !== undefined) return known;
  const texts: [Read, string][] = [
    ["now", `select ${NOW} as now`],
    ["answers", "select call, answer from ownline_answers where call = :call"],
    ...ROOT_LOADS[root.by],
    ...slices.flatMap((slice) => sliceLoads(slice, root.by, consents.length > 0)),
  ];
  if (consents.length > 0) texts.push(["consents", listed("ownline_consents", "key", "consents")]);
  if (keys.length > 0) texts.push(["keys", KEYS]);
  if (counters.length > 0) texts.push(["counters", listed("ownline_counters", "key", "counters")]);
  if (rateLimits.length > 0) texts.push(["rateLimits", listed("ownline_rate_limits", "key", "rateLimits")]);
  if (sweeps.length > 0) texts.push(["sweeps", listed("ownline_sweeps", "sender", "sweeps")]);
  const loads = texts.map(([reads, sql]) => ({ reads, statement: prepare(oneLine(sql)) }));
  prepared.set(shape, loads);
  return loads;
}

function listed(table: string, column: string, list: string): string {
  return `select t.* from json_each(:${list}) j join ${table} t on t.${column} = j.value`;
}

const KEYS = `select k.* from json_each(:keys) j
  join ownline_keys k on k.kind = j.value ->> 'kind' and k.key = j.value ->> 'key'`;

type By = Root["by"];

const ATTEMPT = `coalesce(
  (select a.outbound_id from ownline_attempts a where a.outbound_id = :outboundId and a.attempt = :attempt),
  (select k.ref from ownline_keys k where k.kind = 'provider' and k.key = :providerMessageId))`;

const EXPIRED = `select w.id from ownline_workers w where w.alive_until <= ${NOW} and w.id <> :workerId`;

const UNSENT = `select u.id from ownline_messages u where ${qualified(QUEUED, "u")} order by u.created_at, u.id limit :limit`;

/** The root's messages, as a list of ids; `null` where a root has none. */
const MESSAGES: { readonly [B in By]: string | null } = {
  nothing: null,
  conversation: null,
  address: null,
  message: ":id",
  attempt: ATTEMPT,
  turn: null,
  due: null,
  workers: `select a.outbound_id from ownline_attempts a where a.worker in (${EXPIRED}) limit :limit`,
  unsent: UNSENT,
};

/** The root's conversations, as a list of ids. */
const CONVERSATIONS: { readonly [B in By]: string } = {
  nothing: "select null where false",
  conversation: ":id",
  address: "select r.id from ownline_conversations r where r.participant = :participant and r.line = :line",
  message: "select r.conversation_id from ownline_messages r where r.id = :id",
  attempt: `select r.conversation_id from ownline_messages r where r.id = ${ATTEMPT}`,
  turn: "select r.conversation_id from ownline_turns r where r.id = :id",
  due: `select r.id from ownline_conversations r
    where r.due_at is not null and r.lease_worker is null and r.due_at <= ${NOW} order by r.due_at, r.id limit :limit`,
  workers: `select r.id from ownline_conversations r where r.lease_worker = :workerId
    union select * from (select r.id from ownline_conversations r where r.lease_worker in (${EXPIRED}) limit :limit)
    union select * from (
      select a.conversation_id from ownline_attempts a where a.worker in (${EXPIRED}) limit :limit)`,
  unsent: `select r.conversation_id from ownline_messages r where r.id in (${UNSENT})`,
};

const rootMessages = (by: By): string => MESSAGES[by] ?? "select null where false";

/** Beside each root its rows, in its order: the first statements of a plan say what was found. */
const ROOT_LOADS: { readonly [B in By]: readonly [Read, string][] } = {
  nothing: [],
  conversation: [["roots", rootRows("conversation")]],
  address: [["roots", rootRows("address")]],
  message: [
    ["roots", rootRows("message")],
    ["chosen", chosenRows("message")],
  ],
  attempt: [
    ["roots", rootRows("attempt")],
    ["chosen", chosenRows("attempt")],
  ],
  turn: [
    ["roots", rootRows("turn")],
    ["turns", "select t.* from ownline_turns t where t.id = :id"],
  ],
  due: [
    [
      "roots",
      `select c.* from ownline_conversations c where c.due_at is not null and c.lease_worker is null
        and c.due_at <= ${NOW} order by c.due_at, c.id limit :limit`,
    ],
  ],
  workers: [
    ["roots", rootRows("workers")],
    ["chosen", chosenRows("workers")],
    ["workers", `select w.* from ownline_workers w where w.alive_until <= ${NOW} and w.id <> :workerId`],
  ],
  unsent: [
    ["roots", rootRows("unsent")],
    [
      "chosen",
      `select u.* from ownline_messages u where ${qualified(QUEUED, "u")} order by u.created_at, u.id limit :limit`,
    ],
  ],
};

function rootRows(by: By): string {
  return `select c.* from ownline_conversations c where c.id in (${CONVERSATIONS[by]})`;
}

function chosenRows(by: By): string {
  return `select m.* from ownline_messages m where m.id in (${rootMessages(by)})`;
}

function sliceLoads(slice: Slice, by: By, namesConsents: boolean): readonly [Read, string][] {
  const roots = CONVERSATIONS[by];
  const chosen = rootMessages(by);
  switch (slice) {
    case "attempts":
      return [
        ["attempts", `select a.* from ownline_attempts a where a.outbound_id in (${chosen})`],
        ["events", `select e.* from ownline_events e where e.outbound_id in (${chosen})`],
      ];
    case "group":
      return [["messages", `select m.* from ownline_messages m where m.group_id in (${groupsOf(chosen)})`]];
    case "turn":
      return [
        [
          "turns",
          `select t.* from ownline_turns t
            where t.id in (select m.turn_id from ownline_messages m where m.id in (${chosen}))`,
        ],
      ];
    case "queue":
      return queueLoads(roots, MESSAGES[by]);
    case "stoppable":
      return stoppableLoads(roots, namesConsents);
    case "unanswered":
      return [
        [
          "messages",
          `select m.* from ownline_conversations c
            join ownline_messages m on m.conversation_id = c.id and m.needs_answer = 1 and m.seq > c.answered_seq
            where c.id in (${roots})`,
        ],
      ];
    case "open-turn":
      return [["turns", `select t.* from ownline_turns t where t.outcome is null and t.conversation_id in (${roots})`]];
    case "turns-of-first":
      return [
        [
          "turns",
          `select t.* from ownline_conversations c
            join ownline_turns t on t.conversation_id = c.id and t.first_seq = (
              select m.seq from ownline_messages m where m.conversation_id = c.id and m.needs_answer = 1
                and m.seq > c.answered_seq order by m.seq limit 1)
            where c.id in (${roots})`,
        ],
      ];
    case "answered-first":
      return [
        [
          "messages",
          `select m.* from ownline_turns t join ownline_messages m on m.id = (
              select a.id from ownline_messages a where a.conversation_id = t.conversation_id and a.needs_answer = 1
                and a.seq between t.first_seq and t.through_seq order by a.seq limit 1)
            where t.id = :id`,
        ],
      ];
    case "newest-turn":
      return [
        [
          "turns",
          `select t.* from ownline_turns t where t.conversation_id in (${roots})
            order by t.conversation_id desc, t.first_seq desc, t.repetition desc limit 1`,
        ],
      ];
    case "recorded":
      return RECORDED;
    case "consent":
      return [["consents", `select s.* from ownline_consents s where s.key in (${consentsOf(roots)})`]];
    default:
      return slice satisfies never;
  }
}

function groupsOf(chosen: string): string {
  return `select g.group_id from ownline_messages g where g.id in (${chosen})`;
}

function consentsOf(roots: string): string {
  return `select r.consent_key from ownline_conversations r where r.id in (${roots})`;
}

function queueLoads(roots: string, chosen: string | null): readonly [Read, string][] {
  const others = chosen === null ? "" : `and q.group_id not in (${groupsOf(chosen)})`;
  return [
    [
      "messages",
      `select m.* from ownline_messages m where m.unknown_since is not null and m.status = 'unknown'
        and m.origin <> 'auto-reply' and m.conversation_id in (${roots})`,
    ],
    [
      "messages",
      `select m.* from ownline_conversations c join ownline_messages m on m.id = (
          select q.id from ownline_messages q where q.conversation_id = c.id and ${qualified(QUEUED, "q")} ${others}
          order by q.seq limit 1)
        where c.id in (${roots})`,
    ],
  ];
}

function stoppableLoads(roots: string, namesConsents: boolean): readonly [Read, string][] {
  const keys = namesConsents ? "select j.value from json_each(:consents) j" : consentsOf(roots);
  const filed = `select f.id from ownline_conversations f where f.consent_key in (${keys})`;
  return [
    ["conversations", `select c.* from ownline_conversations c where c.consent_key in (${keys})`],
    [
      "messages",
      `select m.* from ownline_messages m
        where m.conversation_id in (${filed} union ${roots.startsWith(":") ? `select ${roots}` : roots})
          and ${qualified(STOPPABLE, "m")}`,
    ],
  ];
}

const RECORDED: readonly [Read, string][] = [
  [
    "messages",
    `select m.* from json_each(:keys) j
      join ownline_keys k on k.kind = j.value ->> 'kind' and k.key = j.value ->> 'key' and k.kind = 'inbound'
      join ownline_messages m on m.id = k.ref`,
  ],
  [
    "messages",
    `select r.* from json_each(:keys) j
      join ownline_keys k on k.kind = j.value ->> 'kind' and k.key = j.value ->> 'key' and k.kind = 'inbound'
      join ownline_messages m on m.id = k.ref join ownline_messages r on r.id = m.auto_reply_id`,
  ],
  [
    "messages",
    `select m.* from json_each(:keys) j
      join ownline_keys k on k.kind = j.value ->> 'kind' and k.key = j.value ->> 'key' and k.kind = 'outbound'
      join ownline_messages m on m.group_id = k.ref`,
  ],
  [
    "conversations",
    `select c.* from json_each(:keys) j
      join ownline_keys k on k.kind = j.value ->> 'kind' and k.key = j.value ->> 'key'
      join ownline_conversations c on c.id = coalesce(
        (select m.conversation_id from ownline_messages m where m.id = k.ref),
        (select m.conversation_id from ownline_messages m where m.group_id = k.ref limit 1))`,
  ],
];

/** A condition of the schema, about one table among several. */
function qualified(condition: string, alias: string): string {
  return condition.replaceAll(/\b(status|origin)\b/g, `${alias}.$1`);
}

function paramsOf(plan: Plan, now: number | null): Params {
  const { call, root, consents = [], keys = [], counters = [], rateLimits = [], sweeps = [] } = plan;
  const { by: _, ...place } = root;
  return {
    ...place,
    now,
    call,
    consents: listText(consents),
    keys: JSON.stringify(keys.map(({ kind, key }) => ({ kind, key: keepable(key) }))),
    counters: listText(counters),
    rateLimits: listText(rateLimits),
    sweeps: listText(sweeps),
  };
}

function listText(list: readonly string[]): string {
  return JSON.stringify(list.map(keepable));
}

type Collected = { -readonly [T in Table]: Map<string, NonNullable<Rows[T]>[number]> };

/** Puts together what the statements of plans read. */
export function loadedFrom(loads: readonly PlanLoads[], results: readonly (readonly SqlRow[])[]): Loaded {
  const rows: Collected = {
    conversations: new Map(),
    messages: new Map(),
    attempts: new Map(),
    events: new Map(),
    turns: new Map(),
    keys: new Map(),
    consents: new Map(),
    counters: new Map(),
    rateLimits: new Map(),
    workers: new Map(),
    sweeps: new Map(),
  };
  const answers = new Map<string, string>();
  const found: string[][] = [];
  const chosen: string[][] = [];
  let now: number | null = null;
  let at = 0;
  for (const { reads } of loads) {
    const roots: string[] = [];
    const picked: string[] = [];
    for (const read of reads) {
      for (const row of results[at] ?? []) {
        switch (read) {
          case "now":
            now ??= integer(row, "now");
            break;
          case "answers":
            answers.set(text(row, "call"), text(row, "answer"));
            break;
          case "roots":
            roots.push(text(row, "id"));
            collect(rows, "conversations", row);
            break;
          case "chosen":
            picked.push(text(row, "id"));
            collect(rows, "messages", row);
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
  return { now, rows: listsOf(rows), answers, found, chosen };
}

function collect(rows: Collected, table: Table, row: SqlRow): void {
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

function listsOf(rows: Collected): Rows {
  return {
    conversations: [...rows.conversations.values()],
    messages: [...rows.messages.values()],
    attempts: [...rows.attempts.values()],
    events: [...rows.events.values()],
    turns: [...rows.turns.values()],
    keys: [...rows.keys.values()],
    consents: [...rows.consents.values()],
    counters: [...rows.counters.values()],
    rateLimits: [...rows.rateLimits.values()],
    workers: [...rows.workers.values()],
    sweeps: [...rows.sweeps.values()],
  };
}
