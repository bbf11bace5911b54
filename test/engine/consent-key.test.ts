import { describe, expect, it } from "vitest";
import { consentFiling } from "../../src/engine/support/consent-key.ts";
import { webHashing } from "../../src/hmac.ts";

describe("a consent key", () => {
  it("is the HMAC-SHA-256 of line and participant in hex, by each platform's digests alike", async () => {
    const key = await consentFiling("secret").key("+15703251809", "whatsapp:+12345678900");
    expect(key).toBe(await webHashing().signer("sha256", "secret", "hex")("+15703251809\n+12345678900"));
    expect(key).toMatch(/^[0-9a-f]{64}$/);
  });
});
