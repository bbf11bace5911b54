import pg from "pg";
import { ownline } from "../src/index.ts";
import { postgres } from "../src/storage/postgres.ts";
import { fakeCarrier } from "../src/testing/fake-carrier.ts";

// One process of the replies benchmark: opens its ledger, says so, and begins to answer when it is told to.
const pool = new pg.Pool({ connectionString: process.argv[2], max: 16 });
const sms = ownline({
  senders: ["+15703251809"],
  transport: fakeCarrier(),
  storage: postgres(pool),
  ai: async () => "Yes, we have a table at eight.",
  sending: { pace: false },
  sweep: false,
  unsafe: { withoutLoopGuard: true },
  logger: { ...console, debug: () => {}, info: () => {} },
});
await sms.conversations({ limit: 1 });
process.on("message", () => void sms.start());
process.send?.("ready");
