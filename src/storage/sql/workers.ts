import type { Heartbeat, HeartbeatAnswer } from "../storage.ts";
import { answerOf } from "./answer.ts";
import type { Ledger, Run } from "./operation.ts";
import { integer, outboundOf, record, text } from "./rows.ts";

const BEAT: Run = ["worker.beat", "common.settle", "worker.finish", "common.answer"];

/** See `Storage.heartbeat`. */
export async function heartbeat(ledger: Ledger, beat: Heartbeat): Promise<HeartbeatAnswer> {
  const { op, workerId, leaseMs, lookInMs } = beat;
  const { detail, messages } = answerOf(await ledger.commit(BEAT, { op, workerId, leaseMs, lookInMs }));
  const leases: readonly unknown[] = Array.isArray(detail.leases) ? detail.leases : [];
  return {
    leases: leases.map((entry) => {
      const lease = record(entry, "detail");
      return {
        conversationId: text(lease, "id"),
        turnId: text(lease, "turn"),
        fence: integer(lease, "fence"),
        pendingSeq: integer(lease, "pending"),
      };
    }),
    unsettled: messages("message").map(outboundOf),
    recovered: integer(detail, "recovered"),
  };
}
