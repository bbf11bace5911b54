import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";

/** The ledger at a URL: `sqlite:<path>`, with `?busy=<ms>` for how long it waits for a file that another one locks. */
export async function openStorage(url: string): Promise<Storage> {
  const [address = "", query] = url.split("?");
  const busyTimeoutMs = Number(new URLSearchParams(query).get("busy") ?? 5000);
  if (address.startsWith("sqlite:")) return sqlite(address.slice("sqlite:".length), { busyTimeoutMs });
  throw new Error(`no storage for ${url.split(":", 1)[0]}: give sqlite:<path>`);
}
