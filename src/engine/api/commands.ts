import { OwnlineError } from "../../errors.ts";
import { newId } from "../../model/ids.ts";
import type { InboundMessage, OutboundMessage } from "../../model/message.ts";
import { participantKeyOf } from "../../model/person-address.ts";
import { refuseMixedChannels, refuseUnkeepable } from "../../model/phone-number.ts";
import type { OutboundRecord, RecordedInbound } from "../../storage/storage.ts";
import type { ReceivedMessage, StatusCallback } from "../../transport/transport.ts";
import { receive } from "../inbound/receive.ts";
import { recordCallback } from "../inbound/status.ts";
import { DEFAULT_SCOPE } from "../options/parse-options.ts";
import { compose } from "../outbound/compose.ts";
import type { EngineContext } from "../support/context.ts";
import { reportProblems } from "../support/problems.ts";
import type { Scheduler, WaitUntil } from "../worker/wake-ups.ts";
import type { Worker } from "../worker/worker.ts";
import { checkContext, checkedSend, checkedSimulate, type SendInput, type SimulateInput } from "./inputs.ts";

/** The calls that store texts and callbacks in the ledger: from the app, from the service, from the provider. */
export interface Commands {
  /** See `Ownline.simulate`. */
  simulate(input: SimulateInput, ctx?: WaitUntil): Promise<InboundMessage>;
  /** See `Ownline.send`. */
  send(input: SendInput, ctx?: WaitUntil): Promise<OutboundMessage>;
  /** Records a text from the provider's webhook. The transport has verified and parsed it. */
  receiveWebhook(message: ReceivedMessage, ctx?: WaitUntil): Promise<RecordedInbound>;
  /** Records a status callback of the provider about a message that this service sent. */
  receiveStatus(callback: StatusCallback): Promise<void>;
}

export interface CommandParts {
  readonly worker: Worker;
  readonly scheduler: Scheduler;
  open(): Promise<unknown>;
}

/** Makes the commands. Each command returns after its commit. The {@link Scheduler} arranges the work that follows. */
export function createCommands(context: EngineContext, { worker, scheduler, open }: CommandParts): Commands {
  const { senders, storage, reporter } = context;

  const take = async (recorded: RecordedInbound, ctx: WaitUntil | undefined): Promise<RecordedInbound> => {
    reportProblems(context);
    const { message, conversation } = recorded;
    if (recorded.outcome === "recorded") {
      worker.handleInbound(recorded);
      if (recorded.confirmation !== undefined) await scheduler.schedule(ctx, 0);
      else if (message?.needsAnswer === true) await scheduler.schedule(ctx, context.burst.quietMs);
    } else if (message?.needsAnswer === true && (conversation?.answeredSeq ?? 0) < message.seq && !worker.started) {
      // The text is stored and still unanswered. The process that stored it may have died before it notified the queue.
      await scheduler.notify(context.burst.quietMs);
    }
    return recorded;
  };

  return {
    async simulate(input, ctx) {
      const { id, body, media, from, to } = checkedSimulate(input);
      checkContext(ctx, "simulate");
      const { sender } = await senders.choose(to, "to");
      if ((await senders.route(from)) !== null) {
        throw new OwnlineError(
          "sender_as_participant",
          "from is one of your own senders. A simulated text comes from a person; to write to a person from your number, call send({ key, to, body })",
        );
      }
      refuseMixedChannels(sender, from);
      if (body.trim() === "" && media.length === 0) {
        throw new OwnlineError("invalid_message", "the simulated text is empty: give it a body or media");
      }
      await open();
      const recorded = await receive(context, {
        key: keyIn(context, "simulated", id),
        origin: "simulated",
        providerMessageId: null,
        from,
        to: sender,
        service: null,
        body,
        media,
        optOut: null,
        occurredAt: null,
      });
      if (recorded.message === null) throw erased("simulated text", "id");
      if (participantKeyOf(recorded.message.from) !== participantKeyOf(from)) throw usedForAnother();
      await take(recorded, ctx);
      return recorded.message;
    },

    async send(input, ctx) {
      const { key, to, from, body, media, origin = "api" } = checkedSend(input);
      checkContext(ctx, "send");
      const route = await senders.choose(from, "from");
      if ((await senders.route(to)) !== null) {
        throw new OwnlineError(
          "sender_as_participant",
          "to is one of your own senders: a sender cannot text itself, and two of your senders would answer each other without end. Give the person's number",
        );
      }
      refuseMixedChannels(route.sender, to);
      const person = participantKeyOf(to);
      const groupId = newId("g");
      const parts = compose(context, groupId, body, media);
      await open();
      const posted: OutboundRecord = {
        callId: newId("o"),
        key: keyIn(context, "send", key),
        groupId,
        conversationId: newId("c"),
        scope: context.scope,
        line: route.line,
        sender: route.sender,
        participant: to,
        consentKey: await context.consentKey(route.line, to),
        consents: await context.consents({ participant: to, sender: route.sender, lines: [route.line] }),
        origin,
        content: await context.contentDigest({ to: person, from: route.sender, body, mediaCount: media.length }),
        parts,
        expiryMs: context.sending.expiryMs,
      };
      const recorded = await storage.recordOutbound(posted);
      reportProblems(context);
      if (recorded.outcome === "opted-out") {
        throw new OwnlineError(
          "opted_out",
          "this person has texted STOP to this number, so nothing was stored or sent. Only the person can undo that, by texting START",
        );
      }
      const first = recorded.messages[0];
      if (recorded.outcome === "erased" || first === undefined) throw erased("message", "key");
      if (recorded.outcome === "reused" || participantKeyOf(first.to) !== person) throw keyReused(first.id);
      if (recorded.outcome === "recorded") {
        for (const message of recorded.messages) reporter.message(message);
        worker.filed(recorded);
        await scheduler.schedule(ctx, 0);
      }
      return first;
    },

    async receiveWebhook(message, ctx) {
      refuseUnkeepable(message.from, "From");
      refuseUnkeepable(message.to, "To");
      await open();
      return take(await receive(context, { ...message, origin: "webhook" }), ctx);
    },

    async receiveStatus(callback) {
      await open();
      const delivery = await recordCallback(context, callback);
      reportProblems(context);
      if (delivery === null) return;
      const { message, changed, nextInMs } = delivery;
      worker.lookIn(nextInMs);
      if (!changed || message === null || worker.started) return;
      // The next part may have waited for this message. A message that is sent again is due later: the look after this
      // wake-up finds when, and asks the queue for the next one.
      if (message.part < message.parts || message.status === "waiting") await scheduler.notify(0);
    },
  };
}

/** The ledger's key for a caller's key. It contains the scope, because two services may use the same key. */
function keyIn({ scope }: Pick<EngineContext, "scope">, kind: "simulated" | "send", key: string): string {
  return scope === DEFAULT_SCOPE ? `${kind}:${key}` : `${kind}@${scope}:${key}`;
}

function erased(what: string, name: string): OwnlineError {
  return new OwnlineError(
    "erased",
    `the ${what} with this ${name} was erased on request and is not stored again: use a new ${name} for a new text`,
  );
}

/**
 * A caller must not read another person's text by guessing its id. A second text under the same id must not be dropped
 * silently.
 */
function usedForAnother(): OwnlineError {
  return new OwnlineError(
    "invalid_message",
    "this id was used before for another person, so nothing was stored: give each text its own id",
  );
}

function keyReused(messageId: string): OwnlineError {
  return new OwnlineError(
    "key_reused",
    "this key was used before for a message with another to, from, body or number of media, so nothing was stored or sent: give each message its own key. error.messageId names the first message",
    { messageId },
  );
}
