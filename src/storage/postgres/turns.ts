import { integer, oneOf, record } from "../sql/fields.ts";
import type { ClaimedTurn, CommittedTurn, TurnClaim, TurnCommit, TurnRelease } from "../storage.ts";
import { answerOf, rowOf } from "./answer.ts";
import { operation } from "./common.ts";
import type { PostgresLedger } from "./ledger.ts";
import { partsOf } from "./outbound.ts";
import { inboundOf, outboundOf, turnOf } from "./rows.ts";

const LEASE_ARGS = "worker text, conversation_id text, turn_id text, fence bigint";

/** Locks the conversation of a lease and finds its open turn; `is_held` tells whether the lease is the worker's. */
const FIND_LEASE = `select * into conv from ownline_conversations c where c.id = arg.conversation_id for update;
  moment := ownline_1_now(p_now);
  select * into turn from ownline_turns t where t.conversation_id = conv.id and t.outcome is null;
  is_held := coalesce(conv.lease_worker = arg.worker and conv.fence = arg.fence and turn.id = arg.turn_id, false);`;

const LEASE = `conv ownline_conversations;
  turn ownline_turns;
  is_held boolean;`;

export const TURNS: readonly string[] = [
  operation({
    name: "claim_turn",
    args: "worker text, lease_ms bigint",
    declare: `conv ownline_conversations;
  turn ownline_turns;
  first ownline_messages;
  texts text[];`,
    body: `moment := ownline_1_now(p_now);
  loop
    select * into conv from ownline_conversations c
      where c.due_at is not null and c.due_at <= moment and c.lease_worker is null
      order by c.due_at, c.id limit 1 for update skip locked;
    if not found then return ownline_1_keep(null, moment, 'none', null, '[]', null); end if;
    texts := array(
      select m.id from ownline_messages m
      where m.conversation_id = conv.id and m.needs_answer and m.seq > conv.answered_seq order by m.seq);
    exit when cardinality(texts) > 0;
    -- Whatever made this one due is gone. It must not stand before the others for ever.
    update ownline_conversations c set due_at = null, pending_since = null where c.id = conv.id;
  end loop;

  update ownline_conversations c set lease_worker = arg.worker, fence = c.fence + 1, due_at = null
    where c.id = conv.id returning * into conv;
  update ownline_turns t set runs = t.runs + 1, through_seq = conv.pending_seq
    where t.conversation_id = conv.id and t.outcome is null returning * into turn;
  if not found then
    select * into first from ownline_messages m where m.id = texts[1];
    insert into ownline_turns (id, conversation_id, first_seq, through_seq, position, runs, created_at)
    select 't' || first.id || case when count(*) > 0 then '.' || count(*) else '' end, conv.id, first.seq,
      conv.pending_seq, conv.fence, 1, moment
    from ownline_turns t where t.conversation_id = conv.id and t.first_seq = first.seq
    returning * into turn;
  end if;
  perform ownline_1_register(arg.worker, moment + arg.lease_ms);
  return ownline_1_keep(arg.op, moment, 'claimed',
    jsonb_build_object('fence', conv.fence, 'waitedMs', moment - coalesce(conv.pending_since, moment),
      'crashes', turn.crashes, 'turn', to_jsonb(turn)),
    ownline_1_entries('message', texts), conv.id);`,
  }),

  operation({
    name: "commit_turn",
    args: `${LEASE_ARGS}, through_seq bigint, outcome text, supersede boolean, pause boolean, parts jsonb,
    expiry_ms bigint`,
    declare: `${LEASE}
  stays boolean;`,
    body: `${FIND_LEASE}
  if not is_held then return ownline_1_keep(null, moment, 'lost', null, '[]', conv.id); end if;
  stays := conv.pending_seq > arg.through_seq;
  if arg.supersede and stays then
    update ownline_conversations c set lease_worker = null where c.id = conv.id;
    update ownline_turns t set superseded = t.superseded + 1 where t.id = turn.id;
    return ownline_1_keep(arg.op, moment, 'superseded', null, '[]', conv.id);
  end if;
  perform ownline_1_file_parts(conv.id, turn.id, 'ai', conv.sender, turn.id, arg.parts, arg.expiry_ms, moment);
  update ownline_conversations c set lease_worker = null, answered_seq = arg.through_seq, backoff_until = null,
    pending_since = case when stays then moment end,
    due_at = case when stays and not arg.pause then c.due_at end,
    paused = arg.pause, fence = c.fence + case when arg.pause then 1 else 0 end
    where c.id = conv.id;
  update ownline_turns t set outcome = arg.outcome, committed_at = moment where t.id = turn.id;
  if jsonb_array_length(arg.parts) > 0 then perform ownline_1_settle(conv.id, '{}'); end if;
  return ownline_1_keep(arg.op, moment, 'committed', null,
    ownline_1_entries('message',
      array(select r.id from jsonb_to_recordset(arg.parts) as r(id text, part integer) order by r.part)),
    conv.id);`,
  }),

  operation({
    name: "release_turn",
    args: `${LEASE_ARGS}, reason text, retry_in_ms bigint`,
    declare: LEASE,
    body: `${FIND_LEASE}
  if not is_held then return ownline_1_keep(null, moment, 'lost', null, '[]', null); end if;
  update ownline_conversations c set lease_worker = null,
    due_at = case when arg.reason = 'superseded'
      then least(moment + arg.retry_in_ms, coalesce(c.due_at, moment + arg.retry_in_ms))
      else moment + arg.retry_in_ms end,
    backoff_until = case when arg.reason = 'failed' then moment + arg.retry_in_ms else c.backoff_until end
    where c.id = conv.id;
  update ownline_turns t set
    failures = t.failures + case when arg.reason = 'failed' then 1 else 0 end,
    superseded = t.superseded + case when arg.reason = 'superseded' then 1 else 0 end
    where t.id = turn.id;
  return ownline_1_keep(arg.op, moment, 'held', null, '[]', null);`,
  }),
];

/** See `Storage.claimTurn`. */
export async function claimTurn(ledger: PostgresLedger, claim: TurnClaim): Promise<ClaimedTurn | null> {
  const args = { op: `claimTurn ${claim.op}`, worker: claim.workerId, lease_ms: claim.leaseMs };
  const { detail, messages, conversation } = answerOf(await ledger.call("claim_turn", args));
  if (conversation === null) return null;
  return {
    conversation,
    turn: turnOf(rowOf(record(detail.turn, "detail"))),
    crashes: integer(detail, "crashes"),
    fence: integer(detail, "fence"),
    messages: messages("message").map(inboundOf),
    waitedMs: integer(detail, "waitedMs"),
  };
}

const COMMIT_OUTCOMES: readonly CommittedTurn["outcome"][] = ["committed", "superseded", "lost"];

function leaseArgs({ workerId, conversationId, turnId, fence }: TurnCommit | TurnRelease) {
  return { worker: workerId, conversation_id: conversationId, turn_id: turnId, fence };
}

/** See `Storage.commitTurn`. */
export async function commitTurn(ledger: PostgresLedger, commit: TurnCommit): Promise<CommittedTurn> {
  const told = await ledger.call("commit_turn", {
    op: `commitTurn ${commit.op}`,
    ...leaseArgs(commit),
    through_seq: commit.throughSeq,
    outcome: commit.outcome,
    supersede: commit.supersede,
    pause: commit.pause,
    parts: partsOf(commit.parts),
    expiry_ms: commit.expiryMs,
  });
  const { outcome, messages, conversation } = answerOf(told);
  return {
    outcome: oneOf(outcome, "outcome", COMMIT_OUTCOMES),
    messages: messages("message").map(outboundOf),
    conversation,
  };
}

/** See `Storage.releaseTurn`. */
export async function releaseTurn(ledger: PostgresLedger, release: TurnRelease): Promise<boolean> {
  const { reason, retryInMs } = release;
  const args = { op: `releaseTurn ${release.op}`, ...leaseArgs(release), reason, retry_in_ms: retryInMs };
  return answerOf(await ledger.call("release_turn", args)).outcome === "held";
}
