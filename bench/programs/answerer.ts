import { ownline } from "../../src/index.ts";
import { fakeTransport } from "../../src/testing/fake-transport.ts";
import { type LedgerSpec, openLedger } from "../ledgers.ts";
import { cpuMsSince, serve } from "../processes.ts";
import { ANSWER, OURS } from "../webhook/texts.ts";

/** One process that answers the texts of a ledger. It begins at a signal. */
export interface AnswererTask {
  readonly ledger: LedgerSpec;
}

export interface AnswererCommand {
  readonly what: "begin" | "look";
}

export interface AnswererAnswer {
  /** The number of replies that the provider has taken from this process. */
  readonly replies: number;
  /** Processor time since the beginning. */
  readonly cpuMs: number;
}

await serve<AnswererTask, AnswererCommand, AnswererAnswer>(async ({ ledger: spec }) => {
  const ledger = await openLedger(spec);
  const provider = fakeTransport();
  const sms = ownline({
    senders: [OURS],
    transport: provider,
    storage: ledger.storage,
    ai: () => ANSWER,
    sending: { rateLimit: false },
    sweep: false,
    logger: { ...console, debug: () => {}, info: () => {} },
  });
  await sms.conversations({ limit: 1 });
  let cpu = process.cpuUsage();
  return {
    async handle({ what }) {
      if (what === "begin") {
        cpu = process.cpuUsage();
        await sms.start();
      }
      return { replies: provider.taken.length, cpuMs: cpuMsSince(cpu) };
    },
    async close() {
      await sms.stop();
      await ledger.close();
    },
  };
});
