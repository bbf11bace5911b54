import { type Message, type Ownline, ownline, type Storage } from "ownline";
import { type ContractCase, type FakeTransport, fakeTransport } from "ownline/testing";
import { signRequest, twilio } from "ownline/transport/twilio";
import { equal } from "./assert.ts";

const OURS = "+15703251809";
const PERSON = "+12345678900";
const ACCOUNT = `AC${"a".repeat(32)}`;
const TOKEN = "the-primary-token";
const WEBHOOK = "https://example.com/api/webhooks/sms";

/** Where an operating system would wait, a test asks for no wait. */
const AT_ONCE = { burst: { quietMs: 0, maxWaitMs: 0 } };

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** A service over a ledger; several over one ledger are as many processes, or isolates. */
function service(storage: Storage, provider: FakeTransport, name = "first"): Ownline {
  const ai = () => `The ${name} answer.`;
  return ownline({ ...AT_ONCE, senders: [OURS], transport: provider, storage, ai, logger: silent });
}

/** Looks into the ledger as a cron does, until nothing is left. */
async function work(sms: Ownline): Promise<void> {
  for (;;) {
    const { turns, sends } = await sms.processDue();
    if (turns === 0 && sends === 0) return;
  }
}

async function stored(sms: Ownline): Promise<readonly Message[]> {
  const { conversations } = await sms.conversations();
  const pages = await Promise.all(conversations.map(({ id }) => sms.messages({ conversationId: id })));
  return pages.flat();
}

const shown = (messages: readonly Message[]) => messages.map(({ origin, from, to, body }) => [origin, from, to, body]);

/**
 * Whole conversations over a ledger, as few as show that the engine is at home in a runtime.
 *
 * @param open opens an empty ledger.
 */
export function conversationCases(ledger: string, open: () => Promise<Storage>): readonly ContractCase[] {
  const cases: readonly (readonly [name: string, run: (storage: Storage) => Promise<void>])[] = [
    [
      "answers what was typed in the app by a text from our number, and hands the provider nothing of the person's",
      async (storage) => {
        const provider = fakeTransport();
        const sms = service(storage, provider);
        await sms.simulate({ id: "click-1", from: PERSON, to: OURS, body: "Hello!" });
        await sms.simulate({ id: "click-1", from: PERSON, to: OURS, body: "Hello!" });
        await work(sms);
        const sent = provider.taken.map(({ from, to, body }) => [from, to, body]);
        equal(sent, [[OURS, PERSON, "The first answer."]], "what left");
        equal(
          shown(await stored(sms)),
          [
            ["simulated", PERSON, OURS, "Hello!"],
            ["ai", OURS, PERSON, "The first answer."],
          ],
          "the conversation",
        );
      },
    ],
    [
      "answers a webhook once, though it comes twice, and keeps what the provider says of the answer",
      async (storage) => {
        const provider = fakeTransport();
        const sms = service(storage, provider);
        const text = { id: "SM1", from: PERSON, to: OURS, body: "Is there a table?" };
        const answers = [await sms.fetch(provider.text(text)), await sms.fetch(provider.text(text))];
        equal(
          answers.map(({ status }) => status),
          [200, 200],
          "answers to the webhook",
        );
        await work(sms);
        equal(provider.taken.length, 1, "texts that left");
        const providerMessageId = provider.taken[0]?.providerMessageId ?? "";
        await sms.fetch(provider.report({ providerMessageId, status: "delivered" }));
        const [, reply] = await stored(sms);
        equal(reply?.direction === "outbound" && reply.status, "delivered", "the answer's status");
      },
    ],
    [
      "answers once, from the ledger, when what took the webhook is gone",
      async (storage) => {
        const provider = fakeTransport();
        await service(storage, provider, "lost").fetch(provider.text({ from: PERSON, to: OURS, body: "Anyone?" }));
        const others = [service(storage, provider, "second"), service(storage, provider, "second")];
        await Promise.all(others.map(work));
        await work(service(storage, provider, "third"));
        equal(
          provider.taken.map(({ body }) => body),
          ["The second answer."],
          "what left",
        );
      },
    ],
    [
      "obeys STOP",
      async (storage) => {
        const provider = fakeTransport();
        const sms = service(storage, provider);
        await sms.fetch(provider.text({ from: PERSON, to: OURS, body: "STOP" }));
        await work(sms);
        const before = provider.taken.length;
        const refusal = await sms.send({ key: "order-1", to: PERSON, body: "Ready." }).then(
          () => "sent",
          (error: unknown) => Object(error).code,
        );
        await work(sms);
        equal([refusal, provider.taken.length - before], ["opted_out", 0], "what became of send()");
      },
    ],
    [
      "takes a signed webhook of Twilio's, refuses a forged one, and posts the answer to Twilio",
      async (storage) => {
        const posts: string[][] = [];
        const transport = twilio({
          accountSid: ACCOUNT,
          authToken: TOKEN,
          webhookUrl: WEBHOOK,
          async fetch(_url, init) {
            const form = new URLSearchParams(String(init?.body));
            posts.push(["From", "To", "Body"].map((name) => form.get(name) ?? ""));
            return Response.json({ sid: `SM${"1".repeat(32)}`, status: "queued" }, { status: 201 });
          },
        });
        const ai = () => "Yes: at nine.";
        // What is counted are the sends, not the looks into the provider's lists.
        const sms = ownline({ ...AT_ONCE, senders: [OURS], transport, storage, ai, sweep: false, logger: silent });
        const params = new URLSearchParams({
          MessageSid: `SM${"b".repeat(32)}`,
          AccountSid: ACCOUNT,
          From: PERSON,
          To: OURS,
          Body: "Für zwei & 100% sûr? 😀",
          NumMedia: "0",
        });
        const signature = await signRequest({ authToken: TOKEN, url: WEBHOOK, params });
        const post = (given: string) =>
          sms.fetch(new Request(WEBHOOK, { method: "POST", body: params, headers: { "X-Twilio-Signature": given } }));
        equal((await post(signature.replace(/^./, (c) => (c === "A" ? "B" : "A")))).status, 403, "forged");
        equal((await post(signature)).status, 200, "signed");
        await work(sms);
        equal(posts, [[OURS, PERSON, "Yes: at nine."]], "requests to Twilio");
        const [text] = await stored(sms);
        equal(text?.body, "Für zwei & 100% sûr? 😀", "the text");
      },
    ],
  ];
  return cases.map(([name, run]) => ({
    name: `on ${ledger}: ${name}`,
    async run() {
      const storage = await open();
      await run(storage);
      await storage.close();
    },
  }));
}
