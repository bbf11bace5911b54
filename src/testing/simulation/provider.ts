import type { ProviderStatus } from "../../model/delivery-status.ts";
import type { MessageError } from "../../model/message.ts";
import { participantKeyOf } from "../../model/person-address.ts";
import type {
  ProviderMessage,
  ReceivedMessage,
  ReceivedWebhook,
  SendRequest,
  SendResult,
  StatusCallback,
  Transport,
  WebhookRequest,
} from "../../transport/transport.ts";
import { cross } from "./crossing.ts";
import { drawFault, SEND_FAULTS } from "./faults.ts";
import type { SimulatedProcess } from "./process.ts";
import { note, observe, short, type World } from "./world.ts";

const URL_OF_OURS = "https://ownline.test/sms";
const HEADER = "x-simulated-provider";

/** The simulated provider: takes texts, posts webhooks, keeps lists, and blocks people who texted STOP. */
export interface SimulatedProvider {
  /** The transport through which one process reaches this provider. */
  transportFor(process: SimulatedProcess): Transport;
  /** Makes the webhook of a person's text. From then on the provider's list has the text. */
  text(message: ReceivedMessage): Request;
  /** The provider took a person's text, and its webhook reaches no process. */
  lose(message: ReceivedMessage): void;
  /** Whether the provider has lists of what it took. */
  readonly lists: boolean;
  report(callback: StatusCallback): Request;
  /** Makes a webhook that is not signed by the provider. */
  forged(message: ReceivedMessage): Request;
  block(participant: string): void;
  unblock(participant: string): void;
}

/** Posts a status callback to a process, after a delay. */
export type PostStatus = (callback: StatusCallback, afterMs: number) => void;

export function simulatedProvider(world: World, post: PostStatus): SimulatedProvider {
  const { dice, timeline, trace } = world;
  const webhooks: ReceivedWebhook[] = [];
  const taken: ProviderMessage[] = [];
  const inbound: { readonly message: ReceivedMessage; readonly at: number; isShown: boolean }[] = [];
  const blocked = new Set<string>();
  /** Some providers have no lists. The lists of others show new entries late. */
  const lists = dice.chance(0.8);
  const lagMs = dice.chance(0.4) ? dice.between(500, 60_000) : 0;
  const isListed = (at: number) => at <= timeline.now - lagMs;
  let ids = 0;

  function request(content: ReceivedWebhook, secret = "genuine"): Request {
    return new Request(`${URL_OF_OURS}?webhook=${webhooks.push(content) - 1}`, {
      method: "POST",
      headers: { [HEADER]: secret },
    });
  }

  /**
   * Plans the status callbacks of a text. Most texts are delivered in the end. By chance a callback is lost, doubled or
   * late.
   */
  function reportAll(
    about: Pick<StatusCallback, "outboundId" | "attempt" | "providerMessageId">,
    last: ProviderStatus | "throttled",
  ): void {
    const temporary = last === "throttled";
    const end = temporary ? "failed" : last;
    const way: ProviderStatus[] = end === "failed" ? ["failed"] : dice.chance(0.5) ? ["sent", end] : [end];
    let afterMs = 0;
    for (const status of way) {
      afterMs += dice.between(0, 2500);
      trace.count("provider.callback", "calls");
      const fault = world.calm ? 1 : dice.next();
      if (fault < 0.15) {
        trace.count("provider.callback", "lost");
        continue;
      }
      const isEnd = status === end;
      const callback = {
        ...about,
        status,
        rawStatus: status,
        error: isEnd ? errorOf(last) : null,
        optOut: false,
        temporary,
      };
      if (fault < 0.25) {
        trace.count("provider.callback", "twice");
        post(callback, afterMs + dice.between(0, 4000));
      }
      if (fault > 0.9 && fault < 1) {
        trace.count("provider.callback", "late");
        post(callback, afterMs + dice.between(3000, 60_000));
      } else post(callback, afterMs);
    }
  }

  function take(send: SendRequest, process: SimulatedProcess): string {
    ids += 1;
    const providerMessageId = `SM${ids}`;
    const { outboundId, attempt, from, to, body } = send;
    observe(world, { kind: "taken", outboundId, attempt, providerMessageId, from, to, body });
    note(world, "provider", `takes ${short(outboundId)} attempt ${attempt} from ${process.name}`, providerMessageId);
    const mediaCount = send.media.length;
    const isThrottled = !world.calm && world.features.throttled > 0 && dice.chance(world.features.throttled);
    const shown = isThrottled
      ? { status: "failed" as const, error: errorOf("throttled"), temporary: true }
      : { status: "accepted" as const };
    taken.push({ providerMessageId, from, to, body, mediaCount, ...shown, createdAt: timeline.now });
    const end = dice.next();
    const last = end < 0.05 ? "undelivered" : end < 0.08 ? "failed" : "delivered";
    if (isThrottled) trace.count("provider.send", "throttled");
    if (isThrottled) observe(world, { kind: "throttled", outboundId, attempt });
    reportAll({ outboundId, attempt, providerMessageId }, isThrottled ? "throttled" : last);
    return providerMessageId;
  }

  function handOver(process: SimulatedProcess, send: SendRequest): Promise<SendResult> {
    const { outboundId, attempt } = send;
    observe(world, { kind: "handed-over", outboundId, attempt });
    return new Promise((resolve, reject) => {
      if (!process.alive) return;
      const call = "provider.send";
      trace.count(call, "calls");
      const fault = world.calm ? null : drawFault(dice, world.rates.send, SEND_FAULTS);
      if (fault !== null) trace.count(call, fault);
      const answer = (outcome: string, settle: () => void) => {
        const slowMs = fault === "slow" ? dice.between(0, 3000) : 0;
        timeline.after(dice.between(1, 120) + slowMs, () => {
          if (process.alive) note(world, process.name, `${call} ${short(outboundId)}`, outcome);
          return process.hear(call, settle);
        });
      };
      const accepted = (): SendResult => ({
        kind: "accepted",
        providerMessageId: take(send, process),
        status: "accepted",
        rawStatus: "queued",
      });
      const arrive = (): unknown => {
        if (!process.alive && dice.chance(0.5)) return false;
        if (blocked.has(participantKeyOf(send.to))) {
          trace.count(call, "opted out");
          return answer("refused: opted out", () => resolve(refused("opted-out", 21610)));
        }
        switch (fault) {
          case "429":
            return answer("429", () => resolve(refused("retry-now", 20429, dice.chance(0.5))));
          case "congested":
            return answer("congested", () => resolve(refused("retry-later", 30001)));
          case "refused":
            return answer("refused for good", () => resolve(refused("permanent", 21211)));
          case "error before":
            return answer("503 before it took it", () => resolve(unknown()));
          case "error after":
            take(send, process);
            return answer("took it, and the answer is lost", () => resolve(unknown()));
          case "threw":
            if (dice.chance(0.5)) take(send, process);
            return answer("threw", () => reject(new TypeError("fetch failed")));
          case "crash before":
            return process.crash(`before ${call}`);
          case "crash after":
            take(send, process);
            return process.crash(`after ${call}`);
          case "slow":
          case null: {
            const result = accepted();
            return answer("accepted", () => resolve(result));
          }
          default:
            return fault satisfies never;
        }
      };
      timeline.after(dice.between(1, 60) + (fault === "slow" ? dice.between(0, 3000) : 0), arrive);
    });
  }

  function keep(message: ReceivedMessage): void {
    if (inbound.some((known) => known.message.key === message.key)) return;
    inbound.push({ message, at: timeline.now, isShown: false });
    observe(world, { kind: "texted", key: message.key, to: message.to });
  }

  return {
    transportFor(process): Transport {
      const list = <Result>(name: string, look: () => Result) =>
        cross(process, `provider.${name}`, world.rates.list, async () => look());
      return {
        name: "simulated",
        capabilities: { maxBodyLength: 1600, maxMedia: 10, statusCallbacks: true, autoReply: true, lists },
        send: (send) => handOver(process, send),
        receive: async (webhook) => read(webhook, webhooks),
        acknowledge: (autoReply) => new Response(autoReply?.body ?? null),
        find: ({ from, to, since }) =>
          list("find", () => ({
            messages: taken
              .filter(
                (one) =>
                  one.from === from &&
                  (to === undefined || one.to === to) &&
                  one.createdAt >= since &&
                  isListed(one.createdAt),
              )
              .toReversed(),
            asOf: timeline.now,
          })),
        async listInbound({ to, since, unrecorded = async (keys) => keys }) {
          const { messages, asOf } = await list("listInbound", () => {
            const from = typeof since === "number" ? since : timeline.now - since.lastMs;
            const shown = inbound.filter(({ message, at }) => message.to === to && at >= from && isListed(at));
            for (const entry of shown) {
              if (!entry.isShown) observe(world, { kind: "listed", key: entry.message.key });
              entry.isShown = true;
            }
            return { messages: shown.map(({ message, at }) => ({ ...message, occurredAt: at })), asOf: timeline.now };
          });
          const missing = new Set(await unrecorded(messages.map(({ key }) => key)));
          return { messages: messages.filter(({ key }) => missing.has(key)), asOf };
        },
        senders: () => list("senders", () => []),
      };
    },
    lists,
    text(message) {
      keep(message);
      return request({ kind: "inbound", message });
    },
    lose(message) {
      keep(message);
      trace.count("webhook.text", "lost for good");
      world.missing.set(message.key, { to: message.to, atMs: timeline.now });
    },
    report: (callback) => request({ kind: "status", callback }),
    forged: (message) => request({ kind: "inbound", message }, "forged"),
    block: (participant) => void blocked.add(participantKeyOf(participant)),
    unblock: (participant) => void blocked.delete(participantKeyOf(participant)),
  };
}

function read({ url, headers }: WebhookRequest, webhooks: readonly ReceivedWebhook[]): ReceivedWebhook {
  if (headers.get(HEADER) !== "genuine") {
    return { kind: "rejected", httpStatus: 403, reason: "It is not signed.", log: "A forged webhook came." };
  }
  const place = Number(new URL(url).searchParams.get("webhook"));
  return webhooks[place] ?? { kind: "ignored", reason: "the simulated provider did not make this webhook" };
}

function refused(refusal: (SendResult & { kind: "refused" })["refusal"], code: number, tooFast = false): SendResult {
  return {
    kind: "refused",
    refusal,
    wholeAccount: false,
    retryAfterMs: null,
    tooFast,
    error: { code, reason: `the simulated provider says ${code}` },
  };
}

function unknown(): SendResult {
  return { kind: "unknown", error: { code: null, reason: "the simulated provider did not answer" } };
}

function errorOf(end: ProviderStatus | "throttled"): MessageError | null {
  if (end === "throttled") return { code: 30022, reason: "too fast" };
  return end === "failed" || end === "undelivered" ? { code: 30003, reason: "unreachable" } : null;
}
