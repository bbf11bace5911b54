import type { ProceduresOf } from "../procedure.ts";
import {
  ABSENCE,
  EVENT,
  FINDING,
  MATCHED,
  OWN_ATTEMPT,
  OWN_MESSAGE,
  REFUSAL,
  REPORT,
  RESOLUTION,
  SILENCE,
} from "./fact-steps.ts";
import { cancelForConsent, cancelLaterParts, silence, subjectChanged, writeConsent } from "./order.ts";
import { slowDown } from "./paces.ts";
import { ANSWER_SUBJECT, act, note } from "./steps.ts";

/** Whether the subject is another than before; `m` is the message. */
const HAS_CHANGED = `exists (select 1 from ownline_messages m where ${OWN_MESSAGE}
  and m.status <> o.detail ->> 'before')`;

const IS_STOPPED = `exists (select 1 from ownline_messages m where ${OWN_MESSAGE}
  and m.status <> o.detail ->> 'before' and m.status in ('failed', 'undelivered', 'held'))`;

/** A message that is open no more is never due. */
const UNLIST = act(
  "messages",
  "m",
  "due_at = null",
  `${OWN_MESSAGE} and m.due_at is not null and m.status not in ('intent', 'unknown')`,
);

/** What was refused of an attempt that began before the person opted in again is old news. */
const COUNTS = `${MATCHED} and not exists (
  select 1 from ownline_attempts a, ownline_conversations c join ownline_consents s on s.consent_key = c.consent_key
  where ${OWN_ATTEMPT} and c.id = o.conversation_id and s.state = 'opted-in' and s.changed_at > a.started_at)`;

const OPT_OUT: readonly string[] = [
  note(
    `detail = json_set(o.detail, '$.cancelReason', :optOutReason, '$.consentChanged', not exists (
      select 1 from ownline_conversations c join ownline_consents s on s.consent_key = c.consent_key
      where c.id = o.conversation_id and s.state = 'opted-out'))`,
    COUNTS,
  ),
  writeConsent(COUNTS),
  ...silence(COUNTS),
  ...cancelForConsent(COUNTS),
];

const FINISH: readonly string[] = [
  note(`detail = json_set(o.detail, '$.changed', ${HAS_CHANGED})`, MATCHED),
  ANSWER_SUBJECT,
];

/** See `Storage.recordSend`, `Storage.recordStatus` and `Storage.resolve`: a fact, then what follows from it. */
export const fact: ProceduresOf<"fact"> = {
  "fact.report": REPORT,
  "fact.finding": FINDING,
  "fact.event": EVENT,
  "fact.absence": ABSENCE,
  "fact.refusal": REFUSAL,
  "fact.slowDown": [slowDown(MATCHED)],
  "fact.silence": SILENCE,
  "fact.resolution": RESOLUTION,
  "fact.change": [UNLIST, subjectChanged(HAS_CHANGED)],
  "fact.laterParts": cancelLaterParts(`${IS_STOPPED} and o.cancelled = '[]'`),
  "fact.optOut": OPT_OUT,
  "fact.finish": FINISH,
};
