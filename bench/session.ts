import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mongodbServer, postgresServer, type Server } from "./databases.ts";
import { loadNow, machine } from "./machine.ts";
import type { Bench, Part } from "./part.ts";
import { peersMissing } from "./peers.ts";
import type { PartResult } from "./results.ts";

/** One run: what its parts share, and their results. */
export interface Session {
  run(part: Part): Promise<PartResult>;
  /** The measured values so far that must not occur. */
  readonly faults: readonly string[];
  /** Stops the servers and removes the files. */
  end(): Promise<void>;
}

export interface SessionOptions {
  readonly quick: boolean;
  readonly baseline: string | null;
}

type Lazy<Value> = () => Promise<Value>;

export function startSession({ quick, baseline }: SessionOptions): Session {
  const folder = mkdtempSync(join(tmpdir(), "ownline-bench-"));
  const faults: string[] = [];
  const servers: Server[] = [];
  const sources = {
    postgres: once(postgresServer),
    mongodb: once(mongodbServer),
    peers: once(async () => peersMissing()),
  };

  const run = async (part: Part): Promise<PartResult> => {
    const skipped: string[] = [];
    const used: string[] = [];
    const skip = (what: string) => {
      if (!skipped.includes(what)) skipped.push(what);
    };
    /** A missing server is not a failure: the run measures the others. */
    const serverOf = async (name: string, source: Lazy<Server | null>, remedy: string): Promise<Server | null> => {
      try {
        const server = await source();
        if (server === null) skip(`what needs ${name}: ${remedy}`);
        else {
          if (!servers.includes(server)) servers.push(server);
          if (!used.includes(server.version)) used.push(server.version);
        }
        return server;
      } catch (error) {
        skip(`what needs ${name}: ${error instanceof Error ? (error.message.split("\n", 1)[0] ?? "") : String(error)}`);
        return null;
      }
    };
    const bench: Bench = {
      quick,
      folder,
      baseline,
      postgres: () => serverOf("PostgreSQL", sources.postgres, "it did not start"),
      mongodb: () => serverOf("MongoDB's protocol", sources.mongodb, "OWNLINE_TEST_MONGODB_URL names no server"),
      async peers() {
        const why = await sources.peers();
        if (why !== null) skip(`what needs the packages of bench/peers: ${why}`);
        return why === null;
      },
      skip,
      fault: (what) => void faults.push(what),
    };
    const load = loadNow();
    const startedAt = performance.now();
    const tables = await part.run(bench);
    const seconds = Math.round((performance.now() - startedAt) / 1000);
    const { letter, title } = part;
    return { letter, title, tables, skipped, machine: machine([sqliteVersion(), ...used], load), seconds };
  };

  return {
    run,
    faults,
    async end() {
      for (const server of servers) await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function once<Value>(make: Lazy<Value>): Lazy<Value> {
  let made: Promise<Value> | null = null;
  return () => {
    made ??= make();
    return made;
  };
}

function sqliteVersion(): string {
  return `SQLite ${process.versions.sqlite}`;
}
