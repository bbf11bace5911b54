import { postgres } from "ownline/storage/postgres";
import pg from "pg";
import { conversation } from "./conversation.mjs";

/* A conversation in the installed driver's PostgreSQL, on the server of OWNLINE_TEST_POSTGRES_URL. */
const pool = new pg.Pool({ connectionString: process.env.OWNLINE_TEST_POSTGRES_URL });
await conversation(postgres(pool, { schema: `beside_${process.pid}` }));
await pool.end();
