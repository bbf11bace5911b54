import type { ProceduresOf } from "../procedure.ts";
import { NOW, statement } from "./steps.ts";

export const query: ProceduresOf<"query"> = {
  "query.conversation": [statement("select c.* from ownline_conversations c where c.id = :id")],
  "query.counters": [
    statement(`
      select k.key, k.count, k.ends_at - ${NOW} as ends_in
      from json_each(:keys) j join ownline_counters k on k.key = j.value where k.ends_at > ${NOW}`),
  ],
  "query.consent": [statement("select s.* from ownline_consents s where s.consent_key = :consentKey")],
  "query.conversations": [
    statement(`
      select c.* from ownline_conversations c
      where (c.updated_at, c.id) < (:updatedAt, :id)
      order by c.updated_at desc, c.id desc limit :limit`),
  ],
  "query.newestConversations": [
    statement(`
      select c.* from ownline_conversations c indexed by ownline_conversations_activity
      where c.updated_at > -1 order by c.updated_at desc, c.id desc limit :limit`),
  ],
  "query.messagesAfter": [
    statement(`
      select m.* from ownline_messages m
      where m.conversation_id = :conversationId and m.seq > :seq order by m.seq limit :limit`),
  ],
  "query.messagesBefore": [
    statement(`
      select m.* from ownline_messages m
      where m.conversation_id = :conversationId and m.seq < :seq order by m.seq desc limit :limit`),
  ],
  "query.changes": [
    statement(`
      select m.* from ownline_messages m
      where m.conversation_id = :conversationId and m.changed_seq > :seq order by m.changed_seq limit :limit`),
  ],
};
