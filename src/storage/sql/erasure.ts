import type { Erased, EraseOrder, PurgeOrder } from "../storage.ts";
import type { Ledger } from "./operation.ts";
import { integer, json, record } from "./rows.ts";

/** See `Storage.erase`. */
export async function erase(ledger: Ledger, { op, participant, line }: EraseOrder): Promise<Erased> {
  return erasedOf(await ledger.commit(["erasure.erase"], { op, participant, line }));
}

/** See `Storage.purge`. */
export async function purge(ledger: Ledger, { op, olderThanMs, limit }: PurgeOrder): Promise<Erased> {
  return erasedOf(await ledger.commit(["erasure.purge"], { op, olderThanMs, limit }));
}

function erasedOf(results: Awaited<ReturnType<Ledger["commit"]>>): Erased {
  const [[operation] = []] = results;
  if (operation === undefined) return { conversations: 0, messages: 0 };
  const erased = record(json(operation, "detail"), "detail");
  return { conversations: integer(erased, "conversations"), messages: integer(erased, "messages") };
}
