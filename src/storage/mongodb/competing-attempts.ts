import { hasSameContent, isUnsettled } from "../ledger/rules/competing-attempts.ts";
import { byStart, unknownAttemptOf } from "../ledger/shown.ts";
import { keepable } from "../sql/statement.ts";
import type { CompetingAttempts, CompetingAttemptsQuery } from "../storage.ts";
import { keyId, rowOf } from "./documents.ts";
import { idIn } from "./fields.ts";
import { find, findIn, readClock, type Store } from "./store.ts";
import { reading } from "./transaction.ts";

/** See `Storage.competingAttempts`. */
export function competingAttempts(
  store: Store,
  { outboundId, providerMessageIds }: CompetingAttemptsQuery,
): Promise<CompetingAttempts> {
  const asked = keepable(outboundId);
  const keys = providerMessageIds.map((id) => keyId("provider", id));
  return reading(store, "worker", async (session) => {
    const found = await findIn(store, "keys", "_id", keys, { projection: { _id: 1 }, session });
    const recorded = new Set(found.map(idIn));
    const known = providerMessageIds.filter((id) => recorded.has(keyId("provider", id)));
    const [doc] = await find(store, "messages", { _id: asked }, {}, session);
    const own = doc === undefined ? null : rowOf("messages", doc);
    if (own === null || own.status === null) return { attempts: [], known };

    // Every message with an attempt in `unknown` has `unknownSince`, also if the message is in another state.
    const { conversationId } = own;
    const silent = [
      ...(await find(store, "messages", { conversationId, unknownSince: { $exists: true } }, {}, session)),
      ...(await find(store, "messages", { conversationId, open: "queued" }, {}, session)),
    ].map((each) => rowOf("messages", each));
    const alike = new Map(silent.filter((row) => hasSameContent(row, own)).map((row) => [row.id, row]));
    const [owner] = await find(store, "conversations", { _id: conversationId }, {}, session);
    const now = await readClock(store, session);
    const attempts = (await findIn(store, "attempts", "outboundId", alike.keys(), { session }))
      .map((each) => rowOf("attempts", each))
      .flatMap((attempt) => {
        const row = alike.get(attempt.outboundId);
        if (row === undefined || !isUnsettled(attempt, row)) return [];
        const made = [row, ...(owner === undefined ? [] : [rowOf("conversations", owner)])];
        return [{ ...unknownAttemptOf(attempt, made, now), seq: row.seq }];
      });
    return { attempts: byStart(attempts), known };
  });
}
