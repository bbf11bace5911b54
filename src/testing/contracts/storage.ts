import type { ContractCase } from "./contract-case.ts";
import { callCases } from "./storage/calls.ts";
import { clockEvidenceCases } from "./storage/clock-evidence.ts";
import { clockLimitCases } from "./storage/clock-limits.ts";
import { clockCases } from "./storage/clocks.ts";
import { commitCases } from "./storage/commits.ts";
import { competingAttemptsCases } from "./storage/competing-attempts.ts";
import { consentCases } from "./storage/consent.ts";
import { consentKeyCases } from "./storage/consent-keys.ts";
import { corruptRowCases } from "./storage/corrupt-rows.ts";
import { deliveryCases } from "./storage/deliveries.ts";
import { erasureCases } from "./storage/erasure.ts";
import { evidenceCases } from "./storage/evidence.ts";
import { givenUpCases } from "./storage/given-up.ts";
import type { StorageHarness } from "./storage/harness.ts";
import { inboundCases } from "./storage/inbound.ts";
import { keyCases } from "./storage/keys.ts";
import { lateConsentCases } from "./storage/late-consent.ts";
import { leaseCases } from "./storage/leases.ts";
import { nextCases } from "./storage/next.ts";
import { operationCases } from "./storage/operations.ts";
import { orderCases } from "./storage/order.ts";
import { payloadCases } from "./storage/payloads.ts";
import { queryCases } from "./storage/queries.ts";
import { rateLimitCases } from "./storage/rate-limits.ts";
import { repairCases } from "./storage/repairs.ts";
import { resolutionCases } from "./storage/resolutions.ts";
import { retryCases } from "./storage/retries.ts";
import { Scene, type StorageCase } from "./storage/scene.ts";
import { scopeCases } from "./storage/scopes.ts";
import { sendAdmissionCases } from "./storage/send-admission.ts";
import { spellingCases } from "./storage/spellings.ts";
import { statusCases } from "./storage/statuses.ts";
import { storyCases } from "./storage/stories.ts";
import { sweepCases } from "./storage/sweeps.ts";
import { turnCases } from "./storage/turns.ts";
import { unknownCases } from "./storage/unknowns.ts";

export type { ContractCase } from "./contract-case.ts";
export type { CorruptedRow, RowName, StorageHarness, StorageUnderTest } from "./storage/harness.ts";

const CASES: readonly StorageCase[] = [
  ...inboundCases,
  ...spellingCases,
  ...consentCases,
  ...consentKeyCases,
  ...lateConsentCases,
  ...turnCases,
  ...commitCases,
  ...leaseCases,
  ...givenUpCases,
  ...sendAdmissionCases,
  ...rateLimitCases,
  ...orderCases,
  ...deliveryCases,
  ...unknownCases,
  ...evidenceCases,
  ...competingAttemptsCases,
  ...resolutionCases,
  ...repairCases,
  ...statusCases,
  ...retryCases,
  ...nextCases,
  ...queryCases,
  ...storyCases,
  ...operationCases,
  ...callCases,
  ...keyCases,
  ...scopeCases,
  ...erasureCases,
  ...sweepCases,
  ...clockCases,
  ...clockLimitCases,
  ...clockEvidenceCases,
  ...payloadCases,
];

/**
 * The contract of every storage adapter, as a list of cases. Run it against the real database, with two handles if the
 * database accepts more than one connection.
 *
 * Each case creates its own ledger, migrates it from both handles at once, and disposes of it.
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
  const cases = harness.corruptible === true ? [...CASES, ...corruptRowCases] : CASES;
  return cases.map(({ name, run }) => ({
    name,
    async run() {
      const ledger = await harness.create();
      try {
        const { storage } = ledger;
        const second = (await ledger.second?.()) ?? storage;
        await Promise.all([storage.migrate(), second.migrate()]);
        await Promise.all([storage.open(), second.open()]);
        await run(new Scene(ledger, second, harness.toleranceMs ?? 0));
      } finally {
        await ledger.dispose();
      }
    },
  }));
}
