export type { ContractCase } from "./contracts/contract-case.ts";
export { type StorageHarness, type StorageUnderTest, storageContract } from "./contracts/storage.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
