import type { ContractCase } from "ownline/testing";
import { signRequest, verifyRequest } from "ownline/transport/twilio";
import known from "../../vectors/signatures.json";
import ofLibraries from "../../vectors/signatures-libraries.json";
import { equal } from "./assert.ts";

interface Vector {
  readonly name: string;
  readonly authToken: string;
  readonly url: string;
  readonly params?: Record<string, string | string[] | null>;
  readonly rawBody?: string;
  readonly signature: string | null;
  readonly expected: boolean;
}

const vectors: readonly Vector[] = JSON.parse(JSON.stringify([...known, ...ofLibraries]));

/** Web Crypto, URL and UTF-8, as each runtime has them. */
export const signatureCases: readonly ContractCase[] = [
  ...vectors.map(({ name, expected, ...input }) => ({
    name: `verifies as Twilio's libraries do: ${name}`,
    async run() {
      equal((await verifyRequest(input)).valid, expected, "valid");
    },
  })),
  {
    name: "signs the documentation's example as the documentation does",
    async run() {
      const params = { CallSid: "CA1234567890ABCDE", Caller: "+14158675310", Digits: "1234", From: "+14158675310" };
      const url = "https://example.com/myapp.php?foo=1&bar=2";
      const signature = await signRequest({ authToken: "12345", url, params: { ...params, To: "+18005551212" } });
      equal(signature, "L/OH5YylLD5NRKLltdqwSvS0BnU=", "signature");
    },
  },
];
