import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Storage } from "ownline";
import { sqlite } from "ownline/storage/sqlite";
import { type ContractCase, manualClock, storageContract } from "ownline/testing";
import { conversationCases } from "./conversations.ts";

/** What must hold in every runtime that has `node:sqlite`, on a file. */
export const durableCases: readonly ContractCase[] = [
  ...conversationCases("SQLite", async () => sqlite(":memory:")),
  ...storageContract({
    async create() {
      const clock = manualClock();
      const folder = mkdtempSync(join(tmpdir(), "ownline-runtimes-"));
      const opened: Storage[] = [];
      const open = (): Storage => {
        const storage = sqlite(join(folder, "ledger.db"), { clock });
        opened.push(storage);
        return storage;
      };
      return {
        storage: open(),
        second: async () => open(),
        advance: (ms) => clock.advance(ms),
        async dispose() {
          for (const storage of opened) await storage.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  }).map(({ name, run }) => ({ name: `the SQLite ledger ${name}`, run })),
];
