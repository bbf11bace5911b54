import { MongoClient } from "mongodb";
import { mongodb } from "ownline/storage/mongodb";
import { conversation } from "./conversation.mjs";

/* A conversation over the installed driver, on the server of OWNLINE_TEST_MONGODB_URL. */
const client = new MongoClient(process.env.OWNLINE_TEST_MONGODB_URL ?? "");
const db = client.db(`ownline_beside_${process.pid}`);
await conversation(mongodb(db));
await db.dropDatabase();
await client.close();
