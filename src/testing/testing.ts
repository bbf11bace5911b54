export type { ContractCase } from "./contracts/contract-case.ts";
export { type QueueHarness, type QueueUnderTest, queueContract } from "./contracts/queue.ts";
export {
  type CorruptedRow,
  type RowName,
  type StorageHarness,
  type StorageUnderTest,
  storageContract,
} from "./contracts/storage.ts";
export {
  type FakeAi,
  type FakeAiCall,
  type FakeAiHoldOptions,
  type FakeAiStep,
  fakeAi,
  type HeldAiCall,
} from "./fake-ai.ts";
export {
  type FakeAnswer,
  type FakeSent,
  type FakeStatusCallback,
  type FakeText,
  type FakeTransport,
  type FakeTransportOptions,
  fakeTransport,
} from "./fake-transport.ts";
export { type ManualClock, manualClock } from "./manual-clock.ts";
export { type RunTurnOptions, runTurn, type TurnLine, type TurnResult, type TurnSend } from "./run-turn.ts";
export {
  type AiFaults,
  type CallFaults,
  type FaultOptions,
  type FaultRates,
  type FaultTable,
  type SendFaults,
  type SimulatedOptions,
  type SimulationClock,
  type SimulationOptions,
  type SimulationReport,
  simulate,
  type Violation,
} from "./simulation.ts";
