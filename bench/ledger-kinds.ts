import { join } from "node:path";
import type { Server } from "./databases.ts";
import type { LedgerSpec } from "./ledgers.ts";
import type { Bench } from "./part.ts";

/** A new, empty ledger for one measurement. */
export interface FreshLedger {
  readonly ledger: LedgerSpec;
  drop(): Promise<void>;
}

/** A durable ledger that this machine can run. */
export interface LedgerKind {
  readonly kind: "sqlite" | "postgres" | "mongodb";
  /** Its name in the tables. */
  readonly name: string;
  fresh(name: string): Promise<FreshLedger>;
  /**
   * The processor time of the database so far, in milliseconds; `null` where it has no server, or does not show its
   * time.
   */
  databaseCpuMs(): number | null;
}

/**
 * SQLite, PostgreSQL, and MongoDB where a server is named. The run's list of skipped parts names those that are
 * missing.
 */
export async function ledgerKinds(bench: Bench): Promise<LedgerKind[]> {
  const sqlite: LedgerKind = {
    kind: "sqlite",
    name: "SQLite",
    fresh: async (name) => ({ ledger: { kind: "sqlite", at: join(bench.folder, `${name}.db`) }, drop: async () => {} }),
    databaseCpuMs: () => null,
  };
  const postgres = onServer(await bench.postgres(), "postgres", "Postgres", (at) => ({
    kind: "postgres",
    at,
    groupCommit: true,
  }));
  const mongodb = onServer(await bench.mongodb(), "mongodb", "MongoDB's protocol", (at) => ({ kind: "mongodb", at }));
  return [sqlite, ...postgres, ...mongodb];
}

function onServer(
  server: Server | null,
  kind: LedgerKind["kind"],
  name: string,
  specOf: (url: string) => LedgerSpec,
): LedgerKind[] {
  if (server === null) return [];
  const fresh = async (database: string) => {
    const { url, drop } = await server.fresh(`ownline_bench_${database}`);
    return { ledger: specOf(url), drop };
  };
  return [{ kind, name, fresh, databaseCpuMs: server.cpuMs }];
}
