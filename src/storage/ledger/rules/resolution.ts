import type { RecordedDelivery, Resolution } from "../../storage.ts";
import type { Outbound } from "../directions.ts";
import type { WorkingSet } from "../working-set.ts";
import { recordEvent, settleAttempt, UNMATCHED } from "./attempts.ts";
import { changeStatus } from "./order.ts";

/** See `Storage.resolve`. */
export function resolve(set: WorkingSet, resolution: Resolution): RecordedDelivery {
  const row = set.outbound(resolution.outboundId);
  if (row === undefined) return UNMATCHED;
  return recordEvent(set, row, (effects) => {
    const { attempts, from } = resolution;
    const isAsDecidedAbout = attempts === null || row.attempts === attempts;
    effects.isNew = from.some((status) => status === row.status) && isAsDecidedAbout;
    if (effects.isNew) settle(set, row, resolution);
  });
}

function settle(set: WorkingSet, row: Outbound, { decision, reason, expiryMs }: Resolution): void {
  switch (decision) {
    case "resend":
      row.notBefore = set.now;
      row.expiresAt = Math.max(row.expiresAt, set.now + expiryMs);
      changeStatus(set, row, "waiting", null);
      break;
    case "sent": {
      const newest = set.attemptsOf(row).at(-1);
      if (newest?.status === "unknown") settleAttempt(newest, "accepted", null);
      changeStatus(set, row, "accepted", null);
      break;
    }
    case "hold":
      changeStatus(set, row, "held", { code: null, reason });
      break;
    case "drop":
      changeStatus(set, row, "failed", { code: null, reason });
      break;
    default:
      decision satisfies never;
  }
}
