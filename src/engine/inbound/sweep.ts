import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import { isMessagingService } from "../../model/phone-number.ts";
import type { ClaimedSweep, RecordedInbound } from "../../storage/storage.ts";
import type { ListedMessages, OwnedSender, ReceivedMessage } from "../../transport/transport.ts";
import type { SweepOptions } from "../options/options.ts";
import { unlessAborted } from "../support/abort.ts";
import type { EngineContext } from "../support/context.ts";
import { firstTime, isCorrupt, trouble } from "../support/problems.ts";
import { createUnreadableReport, listTrouble } from "../support/provider-list.ts";
import type { Route } from "../support/senders.ts";
import { receiveSwept } from "./receive.ts";

/** Looks for texts whose webhook never came. */
export interface Sweeper {
  /**
   * Reads the provider's list for each sender whose sweep is due, and stores the missing texts. All processes together
   * sweep a sender once when it is due. Never rejects: a failure is reported, and the next sweep tries again.
   */
  run(signal: AbortSignal, how?: SweepHow): Promise<Swept>;
}

export interface Swept {
  /** Texts that were missing, and are stored now. */
  readonly found: number;
  /** Senders whose sweep was due, and whose list was not read to its end. */
  readonly missed: number;
}

export interface SweepHow {
  /** Whether to sweep although the sweep is not due yet. */
  readonly now?: boolean;
  /** How far to look back for a sender that was never swept. */
  readonly firstLookBackMs?: number;
  /** Whether a text that was found has been answered already. */
  readonly isAnswered?: (message: ReceivedMessage) => Promise<boolean>;
}

/**
 * After this time another process may take over a sweep whose process died. A sweep reads pages of a list, and stores
 * texts one by one.
 */
const SWEEP_LEASE_MS = 30_000;
/** After this time the account's numbers and their webhooks are read again. */
const OWNED_FOR_MS = 3_600_000;
/** Providers post a webhook within seconds; retries, a fallback URL and a slow proxy need minutes at most. */
const WEBHOOK_MAY_COME_MS = 300_000;

/** Makes the sweeper. It calls `stored` for each text that it has stored. */
export function createSweeper(context: EngineContext, stored: (recorded: RecordedInbound) => void): Sweeper {
  const { storage, transport, clock, reporter, workerId } = context;
  const { sweep } = context;
  const isNew = firstTime();
  const reportUnreadable = createUnreadableReport(context);
  /**
   * What each account owns. The key is the sender where each sender may have its own account, else the empty string.
   */
  const ownedBy = new Map<string, { readonly at: number; readonly senders: readonly OwnedSender[] }>();

  /**
   * Whether the provider posts this sender's texts to another URL; `null` where the sweep is aborted. A developer's
   * machine must not answer texts to a number whose webhook is the production service.
   */
  const isElsewhere = async ({ line, sender: address }: Route, signal: AbortSignal): Promise<boolean | null> => {
    // The Messaging Service, not its number, decides to which URL texts are posted.
    if (line !== address) return false;
    const account = transport.capabilities.accounts === true ? address : "";
    let owned = ownedBy.get(account);
    if (owned === undefined || clock.now() - owned.at >= OWNED_FOR_MS) {
      const senders = await unlessAborted(account === "" ? transport.senders() : transport.senders(account), signal);
      if (senders === null) return null;
      owned = { at: clock.now(), senders };
      ownedBy.set(account, owned);
    }
    return owned.senders.some((sender) => sender.address === address && sender.posts === "elsewhere");
  };

  const warnElsewhere = (address: string): void => {
    if (!isNew(`elsewhere ${address}`)) return;
    reporter.notice({
      kind: "not-swept",
      conversationId: null,
      messageId: null,
      detail:
        "lost webhooks of a sender are not looked for, because the provider posts its texts to another URL than this transport's webhookUrl: set the number's webhook, or set sweep: false",
    });
  };

  /**
   * The numbers to sweep, each once, with the path of each in the caller's options. `null` where they cannot be listed,
   * or where the sweep is aborted.
   */
  const sendersToSweep = async (signal: AbortSignal): Promise<ReadonlyMap<string, string> | null> => {
    try {
      const listed = await unlessAborted(context.senders.listed(), signal);
      if (listed === null) return null;
      const places = new Map<string, string>();
      for (const { address, path } of listed) {
        if (typeof address !== "string") {
          if (isNew(address.message)) reporter.error(address);
        } else if (!isMessagingService(address)) {
          // The provider's list is read by number, so a Messaging Service is left out.
          places.set(address, path);
        }
      }
      return places;
    } catch (error) {
      reporter.error(trouble(error));
      return null;
    }
  };

  const sweepSender = async (
    route: Route,
    options: Required<SweepOptions>,
    signal: AbortSignal,
    how: SweepHow,
  ): Promise<Swept> => {
    const { sender: address } = route;
    const everyMs = how.now === true ? 0 : options.everyMs;
    const callId = newId("o");
    const claim = { callId, workerId, sender: address, everyMs, leaseMs: SWEEP_LEASE_MS };
    const claimed = await storage.claimSweep(claim);
    if (claimed === null) return { found: 0, missed: how.now === true ? 1 : 0 };
    const listed = await list(route, claimed, options, signal, how);
    if (listed === "elsewhere") return { found: 0, missed: 0 };
    if (listed === null) return { found: 0, missed: 1 };

    // The resolver is called once before the texts. Where it fails, it would fail for every text of this number, so its
    // error ends the sweep of this sender.
    await context.senders.route(address);
    reportUnreadable(address, listed);
    let found = 0;
    for (const message of listed.messages) {
      if (signal.aborted) return { found, missed: 1 };
      try {
        if (await store(message, listed.asOf, options, how)) found += 1;
      } catch (error) {
        if (await concernsAll(error)) throw error;
        if (isNew(message.key)) reporter.error(unstorable(message, error));
      }
    }
    const newest = listed.messages.at(-1)?.occurredAt ?? null;
    const watermark = Math.max(claimed.watermark ?? 0, listed.asOf ?? newest ?? 0);
    // No time shows how far the list was read. The claim expires, and the next sweep begins where this one began.
    if (watermark === 0) return { found, missed: 0 };
    const { fence } = claimed;
    await storage.commitSweep({ callId: newId("o"), sender: address, fence, watermark });
    return { found, missed: 0 };
  };

  const list = async (
    route: Route,
    { watermark }: ClaimedSweep,
    { overlapMs }: Required<SweepOptions>,
    signal: AbortSignal,
    { firstLookBackMs = overlapMs }: SweepHow,
  ): Promise<ListedMessages | "elsewhere" | null> => {
    try {
      const elsewhere = await isElsewhere(route, signal);
      if (elsewhere === null) return null;
      if (elsewhere) {
        warnElsewhere(route.sender);
        return "elsewhere";
      }
      const since = watermark === null ? { lastMs: firstLookBackMs } : watermark - overlapMs;
      const unrecorded = (keys: readonly string[]) => storage.unrecorded(keys);
      return await unlessAborted(transport.listInbound({ to: route.sender, since, unrecorded }), signal);
    } catch (error) {
      reporter.error(isOwnlineError(error) && error.party === "storage" ? error : listTrouble(transport.name, error));
      return null;
    }
  };

  /**
   * Whether the error would prevent the storing of every other text too, because the ledger or the list is unavailable.
   * Any other error concerns this text alone, if the ledger still answers a read.
   */
  const concernsAll = async (error: unknown): Promise<boolean> => {
    if (isOwnlineError(error)) {
      if (error.party === "caller" || isCorrupt(error)) return false;
      if (error.party !== "storage" || error.retryable || error.code !== "storage_unavailable") return true;
    }
    await storage.unrecorded([newId("k")]);
    return false;
  };

  const store = async (
    message: ReceivedMessage,
    asOf: number | null,
    { answerWithinMs, overlapMs }: Required<SweepOptions>,
    { isAnswered }: SweepHow,
  ): Promise<boolean> => {
    const ageMs = asOf === null || message.occurredAt === null ? null : asOf - message.occurredAt;
    const isOld = ageMs !== null && ageMs > answerWithinMs;
    // A later sweep lists a young text again, before the text is older than `overlapMs`.
    const isYoung = ageMs !== null && ageMs < Math.min(WEBHOOK_MAY_COME_MS, overlapMs / 2);
    const answered = !isOld && isAnswered !== undefined && (await isAnswered(message));
    const unanswered = isOld
      ? "it was found too late to be answered (options.sweep.answerWithinMs)"
      : answered
        ? "the provider's list shows that it was answered already"
        : null;
    const recorded = await receiveSwept(context, { ...message, origin: "webhook", swept: { unanswered, isYoung } });
    if (recorded?.outcome !== "recorded" || recorded.message === null) return false;
    const { conversationId, id } = recorded.message;
    const detail =
      "its webhook never came; it was found in the provider's list. Check the webhook's URL and its retries";
    reporter.notice({ kind: "swept", conversationId, messageId: id, detail });
    stored(recorded);
    return true;
  };

  return {
    async run(signal, how = {}) {
      let found = 0;
      let missed = 0;
      if (sweep === null || !transport.capabilities.lists) return { found, missed };
      const senders = await sendersToSweep(signal);
      if (senders === null) return { found, missed: 1 };
      for (const [address, path] of senders) {
        if (signal.aborted) break;
        try {
          const route = await unlessAborted(context.senders.route(address), signal);
          if (route === null) {
            if (!signal.aborted && isNew(`unknown ${address}`)) reporter.error(unknownSender(path));
            continue;
          }
          const swept = await sweepSender(route, sweep, signal, how);
          found += swept.found;
          missed += swept.missed;
        } catch (error) {
          missed += 1;
          reporter.error(trouble(error));
        }
      }
      return { found, missed };
    },
  };
}

/** The error for an entry of the caller's `list` that the caller's `resolve` does not know. */
function unknownSender(path: string): OwnlineError {
  return new OwnlineError(
    "invalid_options",
    `${path} is a sender that options.senders.resolve does not know, so its lost webhooks are not looked for. Let resolve return it, or leave it out of the list`,
  );
}

/**
 * The error for a listed message that cannot be stored: a policy throws for it, its content is invalid, or a row that it
 * needs cannot be read.
 */
function unstorable({ providerMessageId }: ReceivedMessage, error: unknown): OwnlineError {
  const failure = trouble(error);
  const { message, row } = failure;
  return new OwnlineError(
    failure.code,
    `the text ${providerMessageId} was found in the provider's list, because its webhook never came, and it cannot be stored: ${message}. The other texts are stored. The sweep tries to store this text again, as long as options.sweep.overlapMs reaches back to it`,
    { cause: error, retryable: !isCorrupt(failure), ...(row !== undefined && { row }) },
  );
}
