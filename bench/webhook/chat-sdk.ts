import { peer } from "../peers.ts";
import type { Contestant, Setup } from "./contestant.ts";
import type { ProviderFetch } from "./provider.ts";
import { ACCOUNT, ANSWER, HOOK, OURS, TOKEN } from "./texts.ts";

interface Thread {
  readonly id: string;
  readonly adapter: {
    fetchMessages(threadId: string, options: { readonly limit: number }): Promise<{ readonly messages: object[] }>;
  };
  post(text: string): Promise<unknown>;
}

/** The methods of the Chat SDK that the benchmark calls: https://chat-sdk.dev/docs/api/chat */
interface Bot {
  readonly webhooks: {
    twilio(request: Request, options: { waitUntil(work: Promise<unknown>): void }): Promise<Response>;
  };
  onDirectMessage(handler: (thread: Thread) => Promise<void>): void;
  initialize(): Promise<void>;
  shutdown(): Promise<void>;
}

interface ChatModule {
  readonly Chat: new (options: object) => Bot;
  toAiMessages(messages: readonly object[]): Promise<readonly object[]>;
}

interface TwilioModule {
  createTwilioAdapter(options: { readonly fetch: ProviderFetch } & Readonly<Record<string, unknown>>): object;
}

interface StateModule {
  createMemoryState(): object;
}

/**
 * Set up as in the README of `@chat-adapter/twilio`. Overlapping messages are handled at once (`concurrent`), which
 * needs no lock. With the default ("drop"), a message is dropped if it comes while another one to the same number is
 * handled.
 */
export async function chatSdk(
  { answers, fetch }: Setup,
  { history }: { readonly history: boolean },
): Promise<Contestant> {
  const [{ Chat, toAiMessages }, { createTwilioAdapter }, { createMemoryState }]: [
    ChatModule,
    TwilioModule,
    StateModule,
  ] = await Promise.all([peer("chat"), peer("@chat-adapter/twilio"), peer("@chat-adapter/state-memory")]);
  const silent = { debug() {}, info() {}, warn() {}, error: console.error, child: () => silent };
  const bot = new Chat({
    userName: "bench",
    logger: silent,
    concurrency: "concurrent",
    adapters: {
      twilio: createTwilioAdapter({
        accountSid: ACCOUNT,
        authToken: TOKEN,
        phoneNumber: OURS,
        webhookUrl: HOOK,
        fetch,
        logger: silent,
      }),
    },
    state: createMemoryState(),
  });
  if (answers) {
    bot.onDirectMessage(async (thread) => {
      // The input of an AI: https://chat-sdk.dev/docs/ai/to-ai-messages
      if (history) await toAiMessages((await thread.adapter.fetchMessages(thread.id, { limit: 20 })).messages);
      await thread.post(ANSWER);
    });
  }
  await bot.initialize();
  return {
    handle: (request, waitUntil) => bot.webhooks.twilio(request, { waitUntil }),
    close: () => bot.shutdown(),
  };
}
