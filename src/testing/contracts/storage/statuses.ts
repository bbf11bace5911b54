import type { ProviderStatus } from "../../../model/delivery-status.ts";
import { equal, present } from "./assert.ts";
import { race } from "./race.ts";
import type { StorageCase } from "./scene.ts";
import { consentKeyOf, FREE, PERSON } from "./terms.ts";

const UNREACHABLE = { code: 30003, reason: "The phone could not be reached." };

/** Status callbacks that come late, twice, out of order, or before the provider's answer to their attempt. */
export const statusCases: readonly StorageCase[] = [
  {
    name: "follows a text to the phone",
    async run(s) {
      const id = await s.waiting();
      await s.sent(id);
      for (const status of ["sent", "delivered"] as const) {
        const delivery = await s.callback(id, status);
        equal([delivery.outcome, delivery.changed, delivery.message?.status], ["recorded", true, status], status);
      }
      const { status, changedSeq, error } = await s.outbound(id);
      equal({ status, changedSeq, error }, { status: "delivered", changedSeq: 5, error: null }, "the text");
    },
  },
  {
    name: "reaches the same status in whichever order callbacks arrive",
    async run(s) {
      const orders: readonly (readonly ProviderStatus[])[] = [
        ["accepted", "sent", "delivered"],
        ["delivered", "sent", "accepted"],
        ["sent", "delivered", "accepted"],
        ["delivered", "accepted", "sent"],
      ];
      for (const order of orders) {
        const id = await s.waiting();
        await s.sending(id);
        for (const status of order) await s.callback(id, status);
        await s.accept(id);
        equal(await s.statuses([id]), ["delivered"], order.join(", "));
        const events = (await s.storyOf(id)).attempts[0]?.events.map(({ status }) => status);
        equal(events, order, "events, in the order in which they arrived first");
      }
    },
  },
  {
    name: "takes a callback that comes before the provider's own answer for its answer",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const early = await s.callback(id, "sent", { providerMessageId: "SM1" });
      equal([early.message?.status, early.message?.providerMessageIds], ["sent", ["SM1"]], "the early callback");
      const late = await s.accept(id, 1, "SM1");
      equal([late.changed, late.duplicate, late.message?.status], [false, false, "sent"], "the late answer");
    },
  },
  {
    name: "settles an unknown text by a callback",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      const delivery = await s.callback(id, "accepted");
      equal([delivery.changed, delivery.message?.status], [true, "accepted"], "the callback");
      const { messages, nextInMs } = await s.due(10);
      equal([messages, nextInMs], [[], null], "due");
    },
  },
  {
    name: "counts a repeated callback and changes nothing",
    async run(s) {
      const id = await s.waiting();
      await s.sent(id);
      await s.callback(id, "undelivered", { error: UNREACHABLE });
      const before = await s.outbound(id);
      for (let times = 2; times <= 3; times += 1) {
        const delivery = await s.callback(id, "undelivered", { error: UNREACHABLE });
        equal([delivery.outcome, delivery.changed, delivery.cancelled], ["repeated", false, []], "a repetition");
        const { events } = present((await s.storyOf(id)).attempts[0], "the attempt");
        equal(
          events.map(({ status, times: counted }) => [status, counted]),
          [
            ["accepted", 1],
            ["undelivered", times],
          ],
          "events",
        );
      }
      equal(await s.outbound(id), before, "the text");
    },
  },
  {
    name: "keeps the provider's own words apart, even where they mean the same",
    async run(s) {
      const id = await s.waiting();
      await s.sent(id);
      await s.callback(id, "accepted", { rawStatus: "queued" });
      await s.callback(id, "accepted", { rawStatus: "sending" });
      await s.callback(id, "delivered", { rawStatus: "delivered" });
      await s.callback(id, "delivered", { rawStatus: "read" });
      const { events } = present((await s.storyOf(id)).attempts[0], "the attempt");
      equal(
        events.map(({ rawStatus }) => rawStatus),
        ["accepted", "queued", "sending", "delivered", "read"],
        "events",
      );
    },
  },
  {
    name: "keeps the story of conflicting ends, and shows the delivery",
    async run(s) {
      const id = await s.waiting();
      await s.sent(id);
      const failed = await s.callback(id, "undelivered", { error: UNREACHABLE });
      equal([failed.message?.status, failed.message?.error], ["undelivered", UNREACHABLE], "undelivered");
      const delivered = await s.callback(id, "delivered");
      equal(
        [delivered.message?.status, delivered.message?.error, delivered.changed],
        ["delivered", null, true],
        "delivered",
      );
      const late = await s.callback(id, "failed", { error: UNREACHABLE });
      equal([late.outcome, late.message?.status, late.changed], ["recorded", "delivered", false], "failed, afterwards");
      const { events } = present((await s.storyOf(id)).attempts[0], "the attempt");
      equal(
        events.map(({ status, error }) => [status, error?.code ?? null]),
        [
          ["accepted", null],
          ["undelivered", 30003],
          ["delivered", null],
          ["failed", 30003],
        ],
        "events",
      );
    },
  },
  {
    name: "finds a text by the provider's id where the callback names no attempt",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.accept(id, 1, "SM1");
      const none = { outboundId: null, attempt: null, providerMessageId: "SM1" };
      equal((await s.callback(id, "sent", none)).message?.id, id, "by the provider's id alone");
      const wrong = { outboundId: "o-absent", attempt: 1, providerMessageId: "SM1" };
      equal((await s.callback(id, "delivered", wrong)).message?.status, "delivered", "with an id that is not there");
    },
  },
  {
    name: "raises a cancelled text that turns out to have left",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      await s.storage.recordInbound(s.stop());
      equal(await s.statuses([id]), ["cancelled"], "after STOP");
      const delivery = await s.callback(id, "delivered");
      equal([delivery.message?.status, delivery.message?.error], ["delivered", null], "after the callback");
    },
  },
  {
    name: "takes the provider's word for it that the person opted out",
    async run(s) {
      const id = await s.waiting();
      const waiting = await s.waiting({ line: "+15550100002" });
      await s.sent(id);
      const error = { code: 21610, reason: "The person opted out." };
      const delivery = await s.callback(id, "failed", { error, optOut: true });
      equal(
        [delivery.consentChanged, delivery.cancelled.map((message) => message.id)],
        [true, [waiting]],
        "the delivery",
      );
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.source, "refused-send", "the consent's source");
    },
  },
  {
    name: "says when the next message is due where a callback about an auto-reply comes with the text that it answers",
    async run(s) {
      await s.waiting();
      const reply = s.part(s.id("a"));
      const [, delivery] = await Promise.all([
        s.texted({ autoReply: { ...reply, conditions: FREE } }),
        s.callback(reply.id, "sent"),
      ]);
      // Where calls are not decided together, the ledger may not know the auto-reply yet.
      if (delivery.outcome === "recorded") s.near(delivery.nextInMs, 0, "nextInMs");
    },
  },
  {
    name: "merges callbacks that race",
    async run(s) {
      await race(4, async (_, stagger) => {
        const id = await s.waiting();
        await s.sending(id);
        await Promise.all([
          stagger(0).then(() => s.storage.recordStatus(s.callbackOf(id, "delivered"))),
          stagger(1).then(() => s.second.recordStatus(s.callbackOf(id, "sent"))),
          stagger(0).then(() => s.second.recordStatus(s.callbackOf(id, "delivered"))),
          stagger(1).then(() => s.accept(id)),
        ]);
        const { message, attempts } = await s.storyOf(id);
        equal(message.direction === "outbound" && message.status, "delivered", "status");
        equal(message.direction === "outbound" && message.providerMessageIds.length, 1, "provider's ids");
        const events = attempts.flatMap((attempt) => attempt.events.map(({ status, times }) => `${status} ${times}`));
        equal(events.toSorted(), ["accepted 1", "delivered 2", "sent 1"], "events");
      });
    },
  },
];
