import type { ContractCase } from "./contract-case.ts";
import { commitCases } from "./storage/commits.ts";
import { consentCases } from "./storage/consent.ts";
import { erasureCases } from "./storage/erasure.ts";
import { factCases } from "./storage/facts.ts";
import { gateCases } from "./storage/gate.ts";
import type { StorageHarness } from "./storage/harness.ts";
import { inboundCases } from "./storage/inbound.ts";
import { leaseCases } from "./storage/leases.ts";
import { operationCases } from "./storage/operations.ts";
import { orderCases } from "./storage/order.ts";
import { payloadCases } from "./storage/payloads.ts";
import { queryCases } from "./storage/queries.ts";
import { Scene, type StorageCase } from "./storage/scene.ts";
import { statusCases } from "./storage/statuses.ts";
import { storyCases } from "./storage/stories.ts";
import { sweepCases } from "./storage/sweeps.ts";
import { turnCases } from "./storage/turns.ts";

export type { ContractCase } from "./contract-case.ts";
export type { StorageHarness, StorageUnderTest } from "./storage/harness.ts";

const CASES: readonly StorageCase[] = [
  ...inboundCases,
  ...consentCases,
  ...turnCases,
  ...commitCases,
  ...leaseCases,
  ...gateCases,
  ...orderCases,
  ...factCases,
  ...statusCases,
  ...queryCases,
  ...storyCases,
  ...operationCases,
  ...erasureCases,
  ...sweepCases,
  ...payloadCases,
];

/**
 * What every storage adapter promises, as a list of cases. Run it against the real database, with two handles where
 * the database takes more than one connection.
 *
 * Each case makes a ledger of its own, and disposes of it.
 *
 * @example
 * ```ts
 * import { memory } from "ownline/storage/memory";
 * import { manualClock, storageContract } from "ownline/testing";
 *
 * const cases = storageContract({
 *   async create() {
 *     const clock = manualClock();
 *     return { storage: memory({ clock }), advance: (ms) => clock.advance(ms), dispose: async () => {} };
 *   },
 * });
 * for (const { name, run } of cases) {
 *   await run();
 *   console.log(`ok ${name}`);
 * }
 * ```
 */
export function storageContract(harness: StorageHarness): readonly ContractCase[] {
  return CASES.map(({ name, run }) => ({
    name,
    async run() {
      const { storage, advance, second, dispose } = await harness.create();
      try {
        await storage.migrate();
        await storage.open();
        const other = second === undefined ? storage : await second();
        if (other !== storage) await other.open();
        await run(new Scene(storage, other, advance, harness.toleranceMs ?? 0));
      } finally {
        await dispose();
      }
    },
  }));
}
