import { describe, expect, it } from "vitest";
import { type ErrorParty, isOwnlineError, OwnlineError, type OwnlineErrorCode } from "../src/errors.ts";

// A code that is not here does not compile: the author of a new one says who has to act.
const parties: Readonly<Record<OwnlineErrorCode, ErrorParty>> = {
  invalid_options: "caller",
  invalid_address: "caller",
  invalid_message: "caller",
  unknown_sender: "caller",
  sender_required: "caller",
  sender_as_participant: "caller",
  opted_out: "caller",
  erased: "caller",
  key_reused: "caller",
  not_found: "caller",
  invalid_state: "caller",
  aborted: "caller",
  transport_rejected: "transport",
  transport_unavailable: "transport",
  webhook_rejected: "transport",
  ai_failed: "ai",
  ai_timeout: "ai",
  storage_unavailable: "storage",
  storage_unsupported: "storage",
  storage_unmigrated: "storage",
  storage_corrupt: "storage",
  storage_clock: "storage",
  queue_unavailable: "queue",
};

describe("OwnlineError", () => {
  it.each(Object.entries(parties))("says for %s that the %s has to act", (code, party) => {
    const error = new OwnlineError(
      Object.keys(parties).find((each): each is OwnlineErrorCode => each === code) ?? "erased",
      "x",
    );
    expect(error).toMatchObject({ code, party, retryable: false });
    expect(isOwnlineError(error)).toBe(true);
  });
});
