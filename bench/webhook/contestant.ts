import type { LedgerSpec } from "../ledgers.ts";
import type { ProviderFetch } from "./provider.ts";

/** The contestants that take the webhook. */
export type ContestantSpec =
  /** `chat-history` is the Chat SDK with an AI that gets the conversation, as ownline's does. */
  | { readonly kind: "bare" | "twilio" | "chat" | "chat-history" }
  /**
   * `build` is the `dist` of another build of the package; `null` for this checkout. `isEarlier`: it has
   * `sending.rateLimit` under the name `pace`.
   */
  | {
      readonly kind: "ownline";
      readonly ledger: LedgerSpec;
      readonly build: string | null;
      readonly isEarlier?: boolean;
    };

export interface Setup {
  /** Whether the contestant answers each text through the provider, or only acknowledges it. */
  readonly answers: boolean;
  readonly fetch: ProviderFetch;
}

/** Takes webhooks as its documentation says: it checks the signature, answers TwiML, and sends the reply over REST. */
export interface Contestant {
  /** `waitUntil` gets the work that goes on after the response. */
  handle(request: Request, waitUntil: (work: Promise<unknown>) => void): Promise<Response>;
  close(): Promise<void>;
}

/** Loads only the code of one contestant, so that a process holds no other code. */
export async function openContestant(spec: ContestantSpec, setup: Setup): Promise<Contestant> {
  switch (spec.kind) {
    case "bare":
      return (await import("./bare.ts")).bare(setup);
    case "twilio":
      return (await import("./twilio-package.ts")).twilioPackage(setup);
    case "chat":
    case "chat-history":
      return (await import("./chat-sdk.ts")).chatSdk(setup, { history: spec.kind === "chat-history" });
    case "ownline":
      return (await import("./ownline.ts")).ownlineContestant(spec, setup);
    default:
      return spec satisfies never;
  }
}
