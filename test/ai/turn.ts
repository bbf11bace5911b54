import type { AiContext, AiTurn, HistoryEntry } from "../../src/ai/ai.ts";
import type { InboundMessage, Media } from "../../src/model/message.ts";

/** A person's text as it stands in the ledger. */
function inbound(body: string, media: readonly Media[] = []): InboundMessage {
  return {
    id: "m1",
    conversationId: "c1",
    seq: 1,
    changedSeq: 1,
    body,
    media,
    createdAt: 1_000,
    direction: "inbound",
    origin: "webhook",
    from: "+12345678900",
    to: "+15703251809",
    providerMessageId: "SM00000000000000000000000000000001",
    needsAnswer: true,
    occurredAt: 1_000,
  };
}

/** A turn that answers `texts`, after `before`. */
export function turnOf(texts: readonly string[], before: readonly HistoryEntry[] = []): AiTurn {
  return {
    id: "t-m1",
    run: 2,
    conversationId: "c1",
    sender: "+15703251809",
    participant: "+12345678900",
    messages: texts.map((text) => inbound(text)),
    history: [...before, ...texts.map((text) => said("user", text))],
  };
}

export function said(role: "user" | "assistant", text: string, media: readonly Media[] = []): HistoryEntry {
  return { role, text, media, at: 1_000 };
}

/** A context that notes when a tool said that it starts. */
export function contextOf(
  signal: AbortSignal = new AbortController().signal,
): AiContext & { readonly toolStarts: number } {
  let toolStarts = 0;
  return {
    signal,
    toolStarted: () => {
      toolStarts += 1;
    },
    get toolStarts() {
      return toolStarts;
    },
  };
}

/** A promise that the test settles itself. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  const settle: { resolve?: (value: T) => void } = {};
  const promise = new Promise<T>((resolve) => {
    settle.resolve = resolve;
  });
  return { promise, resolve: (value) => settle.resolve?.(value) };
}
