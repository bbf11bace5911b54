import { join } from "node:path";
import type { StorageKind } from "./run-options.ts";

/** A database of a run's own. */
export interface Database extends AsyncDisposable {
  readonly url: string;
  /** Whether the ledger in it goes by its own clock, whatever a process believes. */
  readonly hasClock: boolean;
  /** Takes it down without a word and brings it back; `null` where there is no server. */
  readonly restart: (() => Promise<void>) | null;
}

export async function openDatabase(kind: StorageKind, dir: string): Promise<Database> {
  switch (kind) {
    case "sqlite":
      return {
        url: `sqlite:${join(dir, "ledger.db")}`,
        hasClock: false,
        restart: null,
        async [Symbol.asyncDispose]() {},
      };
    default:
      return kind satisfies never;
  }
}
