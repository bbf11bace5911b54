import { integer, integerOrNull, text } from "../sql/fields.ts";
import type { ClaimedSend, SendClaim } from "../storage.ts";
import { answerOf } from "./answer.ts";
import { literal, operation } from "./common.ts";
import { countersOf } from "./conditions.ts";
import type { PostgresLedger } from "./ledger.ts";
import { REASONS } from "./reasons.ts";
import { outboundOf, reasonText } from "./rows.ts";
import { isOpen } from "./tables.ts";

const EARLIER = `e.conversation_id = msg.conversation_id and ${isOpen("e")} and e.seq < msg.seq`;

const UNKNOWN_EARLIER = `${EARLIER} and e.status = 'unknown' and e.group_id <> msg.group_id`;

const because = (reason: string): string => literal(reasonText(reason));

export const GATE: readonly string[] = [
  // Why a message must be cancelled, as its error; null where it need not be.
  `create function ownline_1_reason_to_cancel(msg ownline_messages, p jsonb, p_now bigint) returns text
    language plpgsql as $body$
declare
  conv ownline_conversations;
begin
  if msg.expires_at <= p_now then return ${because(REASONS.expired)}; end if;
  if p ->> 'cancel' is not null then return p ->> 'cancel'; end if;
  select * into conv from ownline_conversations c where c.id = msg.conversation_id;
  if (p -> 'consent')::boolean and ownline_1_is_opted_out(conv.consent_key) then
    return ${because(REASONS.optedOut)};
  end if;
  if (p -> 'unpaused')::boolean and conv.paused and not exists (
    select 1 from ownline_turns t where t.id = msg.turn_id and t.outcome = 'handed-off') then
    return ${because(REASONS.paused)};
  end if;
  if exists (select 1 from ownline_messages g where g.group_id = msg.group_id and g.part < msg.part
    and g.status in ('failed', 'undelivered', 'cancelled', 'held')) then
    return ${because(REASONS.earlierPart)};
  end if;
  return null;
end
$body$`,

  operation({
    name: "claim_send",
    args: `worker text, lease_ms bigint, outbound_id text, order_wait_ms bigint, delay_ms bigint, counters jsonb,
    pace_key text, pace_cost_ms bigint`,
    declare: `msg ownline_messages;
  owner text;
  error text;
  why text;
  until bigint;
  place integer;
  cancels boolean;
  free_at bigint;
  stopped text[];
  overtook text[];`,
    body: `select m.conversation_id into owner from ownline_messages m where m.id = arg.outbound_id;
  perform 1 from ownline_conversations c where c.id = owner for update;
  moment := ownline_1_now(p_now);
  select * into msg from ownline_messages m where m.id = arg.outbound_id;
  if msg.status is distinct from 'intent' then return ownline_1_keep(null, moment, 'gone', null, '[]', null); end if;

  error := ownline_1_reason_to_cancel(msg, p, moment);
  if error is null then
    if exists (select 1 from ownline_messages e where ${EARLIER}
      and (e.status in ('intent', 'sending') or (e.status = 'unknown' and e.group_id = msg.group_id))) then
      why := 'behind';
    else
      select coalesce(max(e.unknown_since) + arg.order_wait_ms, 0), array_agg(e.id order by e.seq)
        into until, overtook from ownline_messages e where ${UNKNOWN_EARLIER};
      update ownline_messages m set order_until = until where m.id = msg.id and m.order_until <> until;
      if until > moment then
        why := 'order';
      elsif arg.delay_ms > 0 then
        why := 'delay';
        until := moment + arg.delay_ms;
      else
        select f.place, f.cancels, f.free_at into place, cancels, free_at
          from ownline_1_full_counter(arg.counters, moment) f;
        if cancels then
          error := p -> 'errors' ->> place;
        elsif place is not null then
          why := 'busy';
          until := free_at;
        elsif arg.pace_key is not null then
          until := ownline_1_ask_pace(msg.id, arg.pace_key, arg.pace_cost_ms, moment);
          if until is not null then why := 'pace'; end if;
        end if;
      end if;
    end if;
  end if;

  if error is not null then
    stopped := array[msg.id];
    perform ownline_1_cancel(stopped, error);
    stopped := ownline_1_later_parts(msg.group_id, msg.part);
    perform ownline_1_cancel(stopped, ${because(REASONS.earlierPart)});
    stopped := array[msg.id] || stopped;
    perform ownline_1_settle(owner, stopped);
    return ownline_1_keep(arg.op, moment, 'cancelled', null, ownline_1_entries('cancelled', stopped), null);
  end if;
  if why is not null then
    if why in ('delay', 'busy', 'pace') then
      update ownline_messages m set not_before = until where m.id = msg.id;
    end if;
    perform ownline_1_settle(owner, '{}');
    return ownline_1_keep(arg.op, moment, 'waiting',
      jsonb_build_object('why', why, 'place', place, 'retryInMs', until - moment), '[]', null);
  end if;

  perform ownline_1_charge(arg.counters, moment);
  update ownline_messages m set status = 'sending', attempts = m.attempts + 1, error = null, due_at = null,
    slot_key = null, slot_at = null, slot_epoch = null
    where m.id = msg.id returning * into msg;
  insert into ownline_attempts (outbound_id, n, conversation_id, status, started_at, worker)
    values (msg.id, msg.attempts, owner, 'sending', moment, arg.worker);
  perform ownline_1_settle(owner, array[msg.id]);
  perform ownline_1_register(arg.worker, moment + arg.lease_ms);
  return ownline_1_keep(arg.op, moment, 'claimed',
    jsonb_build_object('attempt', msg.attempts, 'overtook', coalesce(to_jsonb(overtook), '[]')),
    ownline_1_entries('message', array[msg.id]), null);`,
  }),
];

/** See `Storage.claimSend`. */
export async function claimSend(ledger: PostgresLedger, claim: SendClaim): Promise<ClaimedSend> {
  const { conditions } = claim;
  const { counters, pace } = conditions;
  const told = await ledger.call("claim_send", {
    op: `claimSend ${claim.op}`,
    worker: claim.workerId,
    lease_ms: claim.leaseMs,
    outbound_id: claim.outboundId,
    order_wait_ms: claim.orderWaitMs,
    consent: conditions.consent,
    unpaused: conditions.unpaused,
    delay_ms: conditions.delayMs,
    cancel: conditions.cancel === null ? null : reasonText(conditions.cancel),
    counters: countersOf(counters),
    errors: counters.map(({ reason }) => reasonText(reason)),
    pace_key: pace?.key ?? null,
    pace_cost_ms: pace?.costMs ?? null,
  });
  const { outcome, detail, messages } = answerOf(told);
  switch (outcome) {
    case "waiting":
      return { outcome, retryInMs: integerOrNull(detail, "retryInMs"), reason: waitReason(detail, claim) };
    case "cancelled":
      return { outcome, messages: messages("cancelled").map(outboundOf) };
    default:
      break;
  }
  const [message] = messages("message");
  if (outcome !== "claimed" || message === undefined) return { outcome: "gone" };
  const overtook = Array.isArray(detail.overtook) ? detail.overtook.map(String) : [];
  return { outcome, message: outboundOf(message), attempt: integer(detail, "attempt"), overtook };
}

function waitReason(detail: Readonly<Record<string, unknown>>, { conditions }: SendClaim): string {
  const why = text(detail, "why");
  switch (why) {
    case "behind":
    case "order":
    case "delay":
      return REASONS[why];
    case "pace":
      return conditions.pace?.reason ?? REASONS.delay;
    default:
      return conditions.counters[integer(detail, "place")]?.reason ?? REASONS.delay;
  }
}
