import twilioPackage from "twilio";
import { verifyRequest } from "../../src/transport/twilio/twilio.ts";
import { inTurn, median, ratios } from "../measure.ts";
import type { Table } from "../results.ts";
import { verifyBare } from "../webhook/bare.ts";
import { HOOK, makeTexts, TOKEN } from "../webhook/texts.ts";

/** The cost of the signature alone, for a form as Twilio posts it. */
export async function verifyTable(rounds: number, count: number): Promise<Table> {
  const [text] = makeTexts(1, 0);
  if (text === undefined) throw new Error("There is no text.");
  const { fields, signature } = text;
  const verifiers: readonly (readonly [name: string, verify: () => unknown])[] = [
    ["bare node:crypto", () => verifyBare(fields, signature)],
    ["twilio 6.2.0, validateRequest", () => twilioPackage.validateRequest(TOKEN, signature, HOOK, fields)],
    ["ownline, verifyRequest", () => verifyRequest({ authToken: TOKEN, url: HOOK, params: fields, signature })],
  ];
  const results = await inTurn(verifiers, rounds + 1, async ([, verify]) => {
    const startedAt = performance.now();
    for (let index = 0; index < count; index += 1) await verify();
    return (count * 1000) / (performance.now() - startedAt);
  });
  // The first round warms up.
  const rates = results.map((each) => each.slice(1));
  return {
    title: "The signature alone",
    conditions: `1 caller, 1 process, ${rounds} rounds of ${count} checks of a form with ${Object.keys(fields).length} parameters, in turn.`,
    columns: [
      { title: "Who verifies" },
      { title: "µs", digits: 1 },
      { title: "a second" },
      { title: "of bare (least to most)", digits: 2 },
    ],
    rows: rates.map((each, index) => [
      verifiers[index]?.[0] ?? "",
      1_000_000 / median(each),
      median(each),
      ratios(each, rates[0] ?? []),
    ]),
    meaning:
      "Web Crypto, which runs at the edge too, costs more for each check than `node:crypto`: a loss of some microseconds, and no native or Node-only code.",
  };
}
