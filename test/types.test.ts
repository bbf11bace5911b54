import { describe, expectTypeOf, it } from "vitest";
import {
  type InboundMessage,
  type Message,
  type OutboundMessage,
  type Ownline,
  type OwnlineErrorCode,
  type OwnlineOptions,
  ownline,
  type SenderAddress,
  type SenderDirectory,
} from "../src/index.ts";
import { memory } from "../src/storage/memory.ts";
import type { TwilioOptions } from "../src/transport/twilio/twilio.ts";
import { scriptedTransport } from "./engine/rig.ts";

const parts = { transport: scriptedTransport(), storage: memory(), ai: () => "hi" };

describe("the public types", () => {
  it("infer the senders into from and to", () => {
    const sms = ownline({
      ...parts,
      senders: ["+15703251809", { address: "+15550001111", service: "MG0123456789abcdef0123456789abcdef" }],
    });
    expectTypeOf<Parameters<typeof sms.send>[0]["from"]>().toEqualTypeOf<"+15703251809" | "+15550001111" | undefined>();
    expectTypeOf<Parameters<typeof sms.simulate>[0]["to"]>().toEqualTypeOf<
      "+15703251809" | "+15550001111" | undefined
    >();
  });

  it("take any string where senders come from a resolver or from the environment", () => {
    const resolved = ownline({ ...parts, senders: async (address: string) => ({ address }) });
    expectTypeOf<Parameters<typeof resolved.send>[0]["from"]>().toEqualTypeOf<string | undefined>();
    const list: string[] = ["+15703251809"];
    const listed = ownline({ ...parts, senders: list });
    expectTypeOf<Parameters<typeof listed.send>[0]["from"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<SenderAddress<readonly [string | undefined]>>().toEqualTypeOf<string>();
  });

  it("take any string where senders are resolved and listed, and know what both functions are given", () => {
    const resolved = ownline({
      ...parts,
      senders: {
        resolve: async (address) => {
          expectTypeOf(address).toEqualTypeOf<string>();
          return { address };
        },
        list: async () => ["+15703251809", { address: "+15550001111" }],
      },
    });
    expectTypeOf<Parameters<typeof resolved.send>[0]["from"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<Parameters<typeof resolved.simulate>[0]["to"]>().toEqualTypeOf<string | undefined>();
    const unlisted = ownline({ ...parts, senders: { resolve: (address) => ({ address }) } });
    expectTypeOf<Parameters<typeof unlisted.send>[0]["from"]>().toEqualTypeOf<string | undefined>();
    expectTypeOf<SenderAddress<SenderDirectory>>().toEqualTypeOf<string>();
    // @ts-expect-error senders that are only listed cannot be found
    const onlyListed: OwnlineOptions["senders"] = { list: () => [] };
    expectTypeOf(onlyListed).not.toBeAny();
  });

  it("take several accounts of Twilio in place of one, and never both", () => {
    const webhookUrl = "https://example.com/sms";
    const many: TwilioOptions = {
      webhookUrl,
      account: async (address) => {
        expectTypeOf(address).toEqualTypeOf<string>();
        return address === "" ? undefined : { accountSid: "AC1", authToken: ["new", "old"] };
      },
      accounts: { ttlMs: 1000 },
    };
    expectTypeOf(many).toExtend<TwilioOptions>();
    // @ts-expect-error the credentials of one account stand beside those of several
    const both: TwilioOptions = { webhookUrl, account: async () => undefined, accountSid: "AC1", authToken: "t" };
    // @ts-expect-error the settings of several accounts stand beside the credentials of one
    const settings: TwilioOptions = { webhookUrl, accountSid: "AC1", authToken: "t", accounts: { ttlMs: 1000 } };
    // @ts-expect-error an account without a token checks no signature
    const unsigned: TwilioOptions = { webhookUrl, account: async () => ({ accountSid: "AC1" }) };
    expectTypeOf([both, settings, unsigned]).not.toBeAny();
  });

  it("say what comes back", () => {
    expectTypeOf<ReturnType<Ownline["simulate"]>>().resolves.toEqualTypeOf<InboundMessage>();
    expectTypeOf<ReturnType<Ownline["send"]>>().resolves.toEqualTypeOf<OutboundMessage>();
    expectTypeOf<Message["direction"]>().toEqualTypeOf<"inbound" | "outbound">();
    expectTypeOf<Ownline["fetch"]>().returns.resolves.toEqualTypeOf<Response>();
    expectTypeOf<Ownline>().toExtend<AsyncDisposable>();
  });

  it("are nowhere any", () => {
    expectTypeOf<Ownline["send"]>().not.toBeAny();
    expectTypeOf<Message["body"]>().not.toBeAny();
    expectTypeOf<Parameters<Ownline["on"]>>().not.toBeAny();
    expectTypeOf<OwnlineErrorCode>().not.toBeAny();
    expectTypeOf<OwnlineErrorCode>().not.toEqualTypeOf<string>();
  });

  it("have a fetch that frameworks take as a route handler, also with what they hand over beside the request", () => {
    // As Next.js checks what a route file exports: https://nextjs.org/docs/app/api-reference/file-conventions/route
    type RouteHandler = (request: Request, context: { params: Promise<Record<string, string>> }) => Promise<Response>;
    expectTypeOf<Ownline["fetch"]>().toExtend<RouteHandler>();
    expectTypeOf<Ownline["fetch"]>().toBeCallableWith(new Request("https://example.com"), { waitUntil: () => {} });
    expectTypeOf<Ownline["fetch"]>().not.toExtend<(path: string) => Promise<Response>>();
  });

  it("refuse what the options do not know", () => {
    const options = { ...parts, senders: ["+15703251809"] };
    expectTypeOf(options).toExtend<OwnlineOptions>();
    // @ts-expect-error a misspelt option
    const misspelt: OwnlineOptions = { ...parts, senders: ["+15703251809"], burts: {} };
    // @ts-expect-error nothing is in memory unless it is said
    const unstored: OwnlineOptions = { transport: parts.transport, ai: parts.ai, senders: ["+15703251809"] };
    expectTypeOf(misspelt).toEqualTypeOf(unstored);
  });
});
