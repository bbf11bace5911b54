export type { CallResponse } from "./twilio-emulator/caller.ts";
export type { EmulatedOutcome } from "./twilio-emulator/delivery.ts";
export type { Fault, FaultKind, FaultSubject, Faults, PlannedFault } from "./twilio-emulator/faults.ts";
export type { EmulatedText, EmulatedTextResult } from "./twilio-emulator/inbound.ts";
export type {
  EmulatedAlert,
  EmulatedMessage,
  EmulatedNumber,
  EmulatedService,
  EmulatedStatus,
} from "./twilio-emulator/ledger.ts";
export {
  type EmulatedRequest,
  type TwilioEmulator,
  type TwilioEmulatorOptions,
  twilioEmulator,
} from "./twilio-emulator.ts";
