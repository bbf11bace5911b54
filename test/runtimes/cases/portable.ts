import { memory } from "ownline/storage/memory";
import { type ContractCase, manualClock, storageContract } from "ownline/testing";
import { conversationCases } from "./conversations.ts";
import { segmentCases } from "./segments.ts";
import { signatureCases } from "./signatures.ts";
import { webhookCases } from "./webhooks.ts";

/** What must hold in every runtime that has the web platform. The runners beside this folder say which those are. */
export const portableCases: readonly ContractCase[] = [
  ...signatureCases,
  ...webhookCases,
  ...segmentCases,
  ...conversationCases("memory", async () => memory()),
  ...storageContract({
    async create() {
      const clock = manualClock();
      return { storage: memory({ clock }), advance: (ms) => clock.advance(ms), dispose: async () => {} };
    },
  }).map(({ name, run }) => ({ name: `the memory ledger ${name}`, run })),
];
