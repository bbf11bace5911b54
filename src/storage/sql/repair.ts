import type { OutboundMessage } from "../../model/message.ts";
import type { RequeuedTurn, Suspicion, TurnRequeue } from "../storage.ts";
import { answerOf } from "./answer.ts";
import type { Ledger, Run } from "./operation.ts";
import { oneOf, outboundOf } from "./rows.ts";

const OUTCOMES: readonly RequeuedTurn["outcome"][] = ["requeued", "newer", "not-dead", "opted-out", "unmatched"];

/** See `Storage.requeueTurn`. */
export async function requeueTurn(ledger: Ledger, { op, turnId }: TurnRequeue): Promise<RequeuedTurn> {
  const { outcome, conversation } = answerOf(await ledger.commit(["repair.requeue", "common.answer"], { op, turnId }));
  return { outcome: oneOf(outcome, "outcome", OUTCOMES), conversation };
}

const SUSPECT: Run = ["repair.suspect", "common.settle", "repair.suspected", "common.answer"];

/** See `Storage.suspect`. */
export async function suspect(ledger: Ledger, suspicion: Suspicion): Promise<readonly OutboundMessage[]> {
  const { op, limit, lookInMs } = suspicion;
  return answerOf(await ledger.commit(SUSPECT, { op, limit, lookInMs }))
    .messages("message")
    .map(outboundOf);
}
