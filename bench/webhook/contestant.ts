import type { LedgerSpec } from "../ledgers.ts";
import type { ProviderFetch } from "./provider.ts";

/** Who takes the webhook. */
export type ContestantSpec =
  /** `chat-history` is the Chat SDK whose AI gets the conversation, as ownline's does. */
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
  /** Whether it answers each text over the provider, or only acknowledges it. */
  readonly answers: boolean;
  readonly fetch: ProviderFetch;
}

/** Takes webhooks as its documentation says: the signature is checked, TwiML is answered, the reply leaves over REST. */
export interface Contestant {
  /** `waitUntil` gets what goes on behind the response. */
  handle(request: Request, waitUntil: (work: Promise<unknown>) => void): Promise<Response>;
  close(): Promise<void>;
}

/** Loads what it needs and no other's code, so that a process holds only its own. */
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
