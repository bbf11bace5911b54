import { equal } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { LEASE_MS, UNKNOWN_WINDOW_MS } from "./terms.ts";

/** Attempts without an answer of the provider: how they are settled, and reports that come later. */
export const unknownCases: readonly StorageCase[] = [
  {
    name: "marks a text without an answer as unknown, and looks it up after the window",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      const delivery = await s.lose(id);
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["recorded", true, "unknown"],
        "the delivery",
      );
      equal(await s.dueIds(), [], "due within the window");
      s.near((await s.due(10)).nextInMs, UNKNOWN_WINDOW_MS, "nextInMs");
      await s.advance(UNKNOWN_WINDOW_MS);
      equal(await s.dueIds(), [id], "due after the window");
      equal((await s.claimSend(id)).outcome, "gone", "the send admission, before a decision");
      const attempt = (await s.storyOf(id)).attempts[0];
      equal([attempt?.status, attempt?.error?.reason], ["unknown", "The answer was lost."], "the attempt");
    },
  },
  {
    name: "sends an unknown text again, holds it or drops it, as decided",
    async run(s) {
      for (const [decision, status] of [
        ["resend", "waiting"],
        ["hold", "held"],
        ["drop", "failed"],
      ] as const) {
        const id = await s.waiting({ participant: `+1555020${decision.length}` });
        await s.sending(id);
        const early = await s.resolve(id, decision);
        equal(
          [early.outcome, early.changed, early.message?.status],
          ["repeated", false, "sending"],
          "while it is on its way",
        );
        await s.lose(id);
        await s.advance(UNKNOWN_WINDOW_MS);
        const delivery = await s.resolve(id, decision);
        equal([delivery.outcome, delivery.changed, delivery.message?.status], ["recorded", true, status], decision);
        const reason = decision === "resend" ? undefined : "Not known.";
        equal(delivery.message?.error?.reason, reason, `the reason of ${decision}`);
        const again = await s.resolve(id, "drop");
        equal([again.outcome, again.changed, again.message?.status], ["repeated", false, status], "a second decision");
        equal(await s.dueIds(), decision === "resend" ? [id] : [], `due after ${decision}`);
        if (decision === "resend") await s.sent(id);
      }
      const absent = await s.resolve("o-absent", "drop");
      equal([absent.outcome, absent.message], ["unmatched", null], "a text that is not there");
    },
  },
  {
    name: "believes the provider over every decision: nothing is sent twice that was found",
    async run(s) {
      for (const decision of ["resend", "hold", "drop"] as const) {
        const id = await s.waiting();
        await s.sending(id);
        await s.lose(id);
        await s.resolve(id, decision);
        const delivery = await s.accept(id, 1);
        equal(
          [delivery.message?.status, delivery.message?.error, delivery.duplicate],
          ["accepted", null, false],
          `after ${decision}`,
        );
        equal((await s.claimSend(id)).outcome, "gone", `the send admission after ${decision}`);
        equal(await s.dueIds(), [], `due after ${decision}`);
      }
    },
  },
  {
    name: "decides once about an unknown attempt: when the repetition fails, the text has failed",
    async run(s) {
      for (const status of ["failed", "undelivered"] as const) {
        const id = await s.waiting({ participant: `+1555021${status.length}` });
        await s.sending(id);
        await s.lose(id);
        await s.advance(UNKNOWN_WINDOW_MS);
        await s.resolve(id, "resend");
        await s.sending(id);
        await s.accept(id, 2);
        const delivery = await s.callback(id, status, { attempt: 2 });
        equal([delivery.changed, delivery.message?.status], [true, status], "the repetition's report");
        await s.advance(UNKNOWN_WINDOW_MS);
        equal(await s.dueIds(), [], "due after it");
        const late = await s.callback(id, "delivered", { attempt: 1, providerMessageId: `SMlate-${status}` });
        equal([late.message?.status, late.duplicate], ["delivered", true], "the first attempt's late report");
      }
    },
  },
  {
    name: "does not send a text again whose earlier attempt may still arrive",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      await s.sending(id);
      await s.callback(id, "sent", { attempt: 1 });
      equal(await s.statuses([id]), ["sent"], "what the earlier attempt shows");
      const refused = await s.refuse(id, "retry", { attempt: 2 });
      equal([refused.message?.status, refused.changed], ["sent", false], "after the refusal");
      equal(await s.dueIds(), [], "due");
    },
  },
  {
    name: "settles an unknown attempt again, after the backoff, when the next one is refused for now",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      await s.sending(id);
      const refused = await s.refuse(id, "retry", { attempt: 2, retryInMs: 30_000 });
      equal(refused.message?.status, "unknown", "the text");
      equal(await s.dueIds(), [], "due");
      await s.advance(30_000);
      equal(await s.dueIds(), [id], "due after the backoff");
      await s.resolve(id, "resend");
      await s.sending(id);
      equal((await s.refuse(id, "fail", { attempt: 3 })).message?.status, "failed", "refused for good");
    },
  },
  {
    name: "believes an expired worker's late refusal",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.advance(LEASE_MS + 1);
      await s.heartbeat({ workerId: "w2" });
      equal(await s.statuses([id]), ["unknown"], "after the burial");
      const delivery = await s.refuse(id, "retry");
      equal([delivery.changed, delivery.message?.status], [true, "waiting"], "after the refusal");
      equal(await s.sending(id, { workerId: "w2" }), 2, "attempt");
    },
  },
  {
    name: "sends a text again after the backoff when an earlier attempt turns out to be refused",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      const delivery = await s.refuse(id, "retry", { retryInMs: 30_000 });
      equal(
        [delivery.outcome, delivery.changed, delivery.message?.status],
        ["recorded", false, "waiting"],
        "the refusal",
      );
      equal(await s.dueIds(), [], "due");
      await s.advance(30_000);
      equal(await s.dueIds(), [id], "due after the backoff");
    },
  },
  {
    name: "lets a decision stand when the attempt turns out to be refused",
    async run(s) {
      for (const [decision, status] of [
        ["hold", "held"],
        ["drop", "failed"],
      ] as const) {
        const id = await s.waiting();
        await s.sending(id);
        await s.lose(id);
        await s.resolve(id, decision);
        const delivery = await s.refuse(id, "retry");
        equal([delivery.outcome, delivery.changed, delivery.message?.status], ["recorded", false, status], decision);
        equal(delivery.message?.error?.reason, "Not known.", "the decision's reason");
        equal((await s.storyOf(id)).attempts[0]?.status, "refused", "the attempt");
        equal(await s.dueIds(), [], "due");
      }
    },
  },
  {
    name: "does not doubt a text again whose earlier attempt has left, when the next one stays unanswered",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, "resend");
      await s.sending(id);
      await s.callback(id, "sent", { attempt: 1 });
      const silent = await s.lose(id, 2);
      equal([silent.outcome, silent.changed, silent.message?.status], ["recorded", false, "sent"], "the silence");
      await s.advance(UNKNOWN_WINDOW_MS);
      equal(await s.dueIds(), [], "due after the window");
    },
  },
  {
    name: "starts the window once, also where several workers find that an attempt is unknown",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await s.advance(LEASE_MS + 1);
      await s.heartbeat({ workerId: "w2" });
      await s.advance(UNKNOWN_WINDOW_MS - 1_000);
      const late = await s.lose(id);
      equal([late.outcome, late.changed, late.message?.status], ["repeated", false, "unknown"], "the late silence");
      await s.advance(1_000);
      equal(await s.dueIds(), [id], "due after the first window");
    },
  },
];
