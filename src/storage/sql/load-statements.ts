import type { Root, Slice } from "../database.ts";
import type { KeyKind } from "../ledger/rows.ts";
import {
  aheadConversations,
  CLAIMABLE,
  isAhead,
  isExpired,
  isForWorker,
  QUEUED,
  qualified,
  STOPPABLE,
} from "./conditions.ts";
import type { Read } from "./loaded.ts";
import { NOW } from "./statement.ts";

/*
 * SQL that loads the roots and the slices of plans. `@without`: see `leavingOut`.
 */

/** A key of the plan's list `j`. */
export const KEY: string = "ownline_keys k on k.kind = j.value ->> 'kind' and k.key = j.value ->> 'key'";

type By = Root["by"];

const ATTEMPT = `coalesce(
  (select a.outbound_id from ownline_attempts a where a.outbound_id = :outboundId and a.attempt = :attempt),
  (select k.ref from ownline_keys k where k.kind = 'provider' and k.key = :providerMessageId))`;

/*
 * The leases and attempts that expired workers hold. The queries start from the leases and attempts, because these are
 * few, while there may be many workers that hold nothing. No name sorts below the empty text, so `> ''` selects all
 * rows of the partial index.
 */
const IS_EXPIRED = `${isExpired("w", NOW)} and w.id <> :workerId and w.scope = :scope`;
const LEASES =
  "ownline_conversations h cross join ownline_workers w on w.id = h.lease_worker where h.lease_worker > '' @without(h.id)";
const REQUESTS =
  "ownline_attempts h cross join ownline_workers w on w.id = h.worker where h.worker > '' @without(h.conversation_id)";

const UNSENT = `ownline_messages u where ${qualified(QUEUED, "u")} and u.scope = :scope and u.created_at > -1
  @without(u.conversation_id) order by u.created_at, u.id limit :limit`;

/** The root's messages, as a list of ids; `null` if the root has no messages. */
const MESSAGES: { readonly [B in By]: string | null } = {
  nothing: null,
  conversation: null,
  address: null,
  message: ":id",
  attempt: ATTEMPT,
  turn: null,
  due: null,
  workers: `select h.outbound_id from ${REQUESTS} and ${IS_EXPIRED} limit :limit`,
  unsent: `select u.id from ${UNSENT}`,
};

/** The root's conversations, as a list of ids. */
const CONVERSATIONS: { readonly [B in By]: string } = {
  nothing: "select null where false",
  conversation: ":id",
  address: "select r.id from ownline_conversations r where r.participant_key = :participantKey and r.line = :line",
  message: "select r.conversation_id from ownline_messages r where r.id = :id",
  attempt: `select r.conversation_id from ownline_messages r where r.id = ${ATTEMPT}`,
  turn: "select r.conversation_id from ownline_turns r where r.id = :id",
  due: claimable("id", ":limit"),
  workers: `select r.id from ownline_conversations r where r.lease_worker = :workerId @without(r.id)
    union all select * from (select h.id from ${LEASES} and ${IS_EXPIRED} limit :limit)
    union all select * from (select h.conversation_id from ${REQUESTS} and ${IS_EXPIRED} limit :limit)`,
  unsent: `select r.conversation_id from ownline_messages r where r.id in (select u.id from ${UNSENT})`,
};

/** Conversations that a clock ahead wrote come first, because their due times are void. */
function claimable(column: string, limit: string): string {
  return `select * from (select r.${column} from ${aheadConversations(NOW)} order by r.written_at limit ${limit})
    union all select * from (select r.${column} from ownline_conversations r
      where ${qualified(CLAIMABLE, "r")} and r.scope = :scope @without(r.id)
        and r.due_at <= ${NOW} and not ${isAhead("r", NOW)} and ${isForWorker("r", NOW, ":workerId")}
      order by r.due_at, r.id limit ${limit})`;
}

const rootMessages = (by: By): string => MESSAGES[by] ?? "select null where false";

/** The statements that load the rows of each kind of root, in the root's order. */
export const ROOT_LOADS: { readonly [B in By]: readonly [Read, string][] } = {
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
  due: [["roots", claimable("*", ":limit")]],
  workers: [
    ["roots", rootRows("workers")],
    ["chosen", chosenRows("workers")],
    ["workers", `select w.* from ${LEASES} and ${IS_EXPIRED}`],
    ["workers", `select w.* from ${REQUESTS} and ${IS_EXPIRED}`],
  ],
  unsent: [
    ["roots", rootRows("unsent")],
    ["chosen", `select u.* from ${UNSENT}`],
  ],
};

function rootRows(by: By): string {
  return `select c.* from ownline_conversations c where c.id in (${CONVERSATIONS[by]})`;
}

function chosenRows(by: By): string {
  return `select m.* from ownline_messages m where m.id in (${rootMessages(by)})`;
}

/** The statements of a slice. `kinds`: the kinds of the plan's keys. */
export function sliceLoads(
  slice: Slice,
  by: By,
  namesConsents: boolean,
  kinds: readonly KeyKind[],
): readonly [Read, string][] {
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
            cross join ownline_messages m on m.conversation_id = c.id and m.needs_answer = 1 and m.seq > c.answered_seq
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
            cross join ownline_turns t on t.conversation_id = c.id and t.first_seq = (
              select m.seq from ownline_messages m where m.conversation_id = c.id and m.needs_answer = 1
                and m.seq > c.answered_seq order by m.seq limit 1)
            where c.id in (${roots})`,
        ],
      ];
    case "answered-first":
      return [
        [
          "messages",
          `select m.* from ownline_turns t cross join ownline_messages m on m.id = (
              select a.id from ownline_messages a where a.conversation_id = t.conversation_id and a.needs_answer = 1
                and a.seq between t.first_seq and t.through_seq order by a.seq limit 1)
            where t.id = :id`,
        ],
      ];
    case "newest-turn":
      return [
        [
          "turns",
          `select * from (select t.* from ownline_turns t where t.conversation_id in (${roots})
            order by t.conversation_id desc, t.first_seq desc, t.repetition desc limit 1)`,
        ],
      ];
    case "recorded":
      return kinds.flatMap((kind) => RECORDED[kind]);
    case "history":
      return [["history", HISTORY]];
    case "consent":
      return [["consents", `select s.* from ownline_consents s where s.key in (${consentsOf(roots)})`]];
    default:
      return slice satisfies never;
  }
}

/** For each conversation, the messages from the position of the oldest wanted message on. */
const HISTORY = `select m.* from ownline_conversations c cross join ownline_messages m on m.conversation_id = c.id
  and m.seq >= coalesce((select n.seq from ownline_messages n where n.conversation_id = c.id
    order by n.seq desc limit 1 offset :historyLimit - 1), 0)
  where c.id in (select * from (${claimable("id", ":wanted")}) limit :wanted)`;

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
      `select m.* from ownline_conversations c cross join ownline_messages m on m.id = (
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
        where m.conversation_id in (${filed} union all ${roots.startsWith(":") ? `select ${roots}` : roots})
          and ${qualified(STOPPABLE, "m")}`,
    ],
  ];
}

/**
 * The conversation of a recorded message. It may differ from the root, because a provider may give one id to messages
 * of two people.
 */
function ownersOf(ref: string): string {
  return `select c.* from json_each(:keys) j cross join ${KEY} cross join ownline_conversations c on c.id = (${ref})`;
}

const RECORDED: { readonly [K in KeyKind]: readonly [Read, string][] } = {
  inbound: [
    ["messages", `select m.* from json_each(:keys) j cross join ${KEY} cross join ownline_messages m on m.id = k.ref`],
    [
      "messages",
      `select r.* from json_each(:keys) j cross join ${KEY} cross join ownline_messages m on m.id = k.ref
        cross join ownline_messages r on r.id = m.auto_reply_id`,
    ],
    ["conversations", ownersOf("select m.conversation_id from ownline_messages m where m.id = k.ref")],
  ],
  outbound: [
    [
      "messages",
      `select m.* from json_each(:keys) j cross join ${KEY} cross join ownline_messages m on m.group_id = k.ref`,
    ],
    ["conversations", ownersOf("select m.conversation_id from ownline_messages m where m.group_id = k.ref limit 1")],
  ],
  provider: [],
};
