import type { ContractCase } from "ownline/testing";
import { messagingResponse, parseWebhook } from "ownline/transport/twilio";
import captures from "../../vectors/inbound.json";
import { equal } from "./assert.ts";

/** Forms as Twilio posted them, read by the runtime's own URLSearchParams. */
export const webhookCases: readonly ContractCase[] = [
  ...captures.map(({ kind, notes, rawBody, params }, index) => ({
    name: `reads captured webhook ${index}, ${kind}: ${notes}`,
    async run() {
      const parsed = parseWebhook(new URLSearchParams(rawBody));
      equal(parsed.raw, params, "parameters");
      equal(parsed.kind, kind === "status" ? "status" : "inbound", "kind");
      if (parsed.kind === "unsupported") return;
      equal([parsed.messageSid, parsed.from, parsed.to], [params.MessageSid, params.From, params.To], "addresses");
      if (parsed.kind === "inbound") equal(parsed.media.length, Number(params.NumMedia ?? 0), "pictures");
    },
  })),
  {
    name: "answers in TwiML, escaped",
    async run() {
      const xml = messagingResponse([{ body: "Fish & <chips>" }]);
      equal(xml.includes("Fish &amp; &lt;chips&gt;"), true, xml);
    },
  },
];
