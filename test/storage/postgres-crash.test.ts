import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { postgres } from "../../src/storage/postgres.ts";
import { type EmbeddedServer, startPostgres } from "../databases/embedded-postgres.ts";
import { quiet } from "./postgres-ledgers.ts";
import { text } from "./postgres-texts.ts";

let server: EmbeddedServer;

beforeAll(async () => {
  server = await startPostgres();
}, 60_000);

afterAll(() => server.stop());

it("loses nothing that was acknowledged when the server dies while it writes, and goes on afterwards", async () => {
  const pool = new pg.Pool({ connectionString: server.url, max: 4 });
  pool.on("error", () => {});
  try {
    const storage = postgres(pool, { logger: quiet });
    await storage.migrate();
    const { secret } = await storage.open();

    const acknowledged: string[] = [];
    const errors: unknown[] = [];
    let started = () => {};
    const underway = new Promise<void>((resolve) => {
      started = resolve;
    });
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; errors.length === 0; n += 1) {
        const id = `m-${writer}-${n}`;
        try {
          await storage.recordInbound(text(id, writer));
          acknowledged.push(id);
          if (acknowledged.length > 40) started();
        } catch (error) {
          errors.push(error);
        }
      }
    });
    await underway;
    await Promise.all([server.crash(), ...writers]);
    expect(errors.map((error) => isOwnlineError(error) && [error.code, error.retryable])).toEqual(
      errors.map(() => ["storage_unavailable", true]),
    );

    expect(await storage.open()).toEqual({ secret });
    const { rows } = await pool.query<{ id: string }>("select id from ownline_messages");
    const kept = new Set(rows.map(({ id }) => id));
    expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
    expect((await storage.recordInbound(text("after", 1))).outcome).toBe("recorded");
    expect((await storage.recordInbound(text(acknowledged[0] ?? "", 0))).outcome).toBe("repeated");
  } finally {
    await pool.end();
  }
}, 120_000);
