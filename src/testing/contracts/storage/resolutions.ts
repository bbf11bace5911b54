import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { EXPIRY_MS } from "./terms.ts";

/** Decisions of the policy or of a person about a text that is unknown or held. */
export const resolutionCases: readonly StorageCase[] = [
  {
    name: "decides about a text only in a state that the decision is meant for",
    async run(s) {
      const [unknown, held] = [await lost(s), await kept(s)];
      for (const decision of ["resend", "sent", "hold", "drop"] as const) {
        for (const [id, from] of [
          [unknown, ["held"]],
          [held, ["unknown"]],
          [unknown, []],
        ] as const) {
          const before = await s.outbound(id);
          const delivery = await s.resolve(id, decision, { from });
          equal(
            [delivery.outcome, delivery.changed, delivery.message],
            ["repeated", false, before],
            `${decision} from ${from}`,
          );
        }
      }
      for (const id of [unknown, held]) {
        const delivery = await s.resolve(id, "drop", { from: ["unknown", "held"] });
        equal([delivery.outcome, delivery.message?.status], ["recorded", "failed"], "from either");
      }
      equal((await s.resolve(unknown, "resend", { from: ["unknown", "held"] })).outcome, "repeated", "what failed");
    },
  },
  {
    name: "does not decide about a text that a worker has tried again since",
    async run(s) {
      const id = await lost(s);
      await s.resolve(id, "resend", { attempts: 1 });
      await s.sending(id);
      await s.lose(id, 2);
      for (const attempts of [0, 1, 3]) {
        const stale = await s.resolve(id, "resend", { attempts });
        equal([stale.outcome, stale.message?.status], ["repeated", "unknown"], `a decision about ${attempts} attempts`);
      }
      equal((await s.resolve(id, "resend", { attempts: 2 })).outcome, "recorded", "a decision about two");
    },
  },
  {
    name: "sends what was held, at once and without its reason",
    async run(s) {
      const id = await kept(s);
      const delivery = await s.resolve(id, "resend", { from: ["held"] });
      equal([delivery.outcome, delivery.changed], ["recorded", true], "the delivery");
      equal([delivery.message?.status, delivery.message?.error], ["waiting", null], "the text");
      equal(await s.dueIds(), [id], "due");
      equal(await s.sending(id), 2, "attempt");
    },
  },
  {
    name: "gives what is sent again a new time to expire, and never a shorter one",
    async run(s) {
      const old = await lost(s, { expiryMs: 60_000 });
      const young = await lost(s, { participant: "+15550199002" });
      await s.advance(90_000);
      for (const id of [old, young]) await s.resolve(id, "resend", { expiryMs: 60_000 });
      await s.advance(50_000);
      await s.sent(old);
      await s.advance(20_000);
      await s.sent(young);
      const late = await lost(s, { expiryMs: 60_000 });
      await s.resolve(late, "resend", { expiryMs: 60_000 });
      await s.advance(70_000);
      equal((await s.claimSend(late)).outcome, "cancelled", "past its new time");
    },
  },
  {
    name: "takes a person's word that a text has left, and lets the next one go",
    async run(s) {
      const [first, second] = await s.waitingMessages(2);
      const id = present(first, "the first part").id;
      await s.sending(id);
      await s.lose(id);
      equal(await s.dueIds(), [], "due before");
      const delivery = await s.resolve(id, "sent");
      equal([delivery.outcome, delivery.changed, delivery.duplicate], ["recorded", true, false], "the delivery");
      equal(
        [delivery.message?.status, delivery.message?.error, delivery.message?.providerMessageIds],
        ["accepted", null, []],
        "the text",
      );
      const [attempt] = (await s.storyOf(id)).attempts;
      equal([attempt?.status, attempt?.providerMessageId, attempt?.error], ["accepted", null, null], "the attempt");
      equal(attempt?.events, [], "events");
      equal(await s.dueIds(), [second?.id], "due");
      const late = await s.callback(id, "delivered");
      equal([late.message?.status, late.duplicate], ["delivered", false], "the provider's word, later");
    },
  },
  {
    name: "takes a person's word about a held text, too, and touches no attempt that was refused",
    async run(s) {
      const held = await kept(s);
      equal((await s.resolve(held, "sent", { from: ["held"] })).message?.status, "accepted", "the text");
      equal((await s.storyOf(held)).attempts[0]?.status, "accepted", "its attempt");
      const twice = await lost(s, { participant: "+15550199002" });
      await s.resolve(twice, "resend");
      await s.sending(twice);
      await s.refuse(twice, "retry", { attempt: 2 });
      equal((await s.resolve(twice, "sent")).message?.status, "accepted", "the text that was refused once");
      equal(
        (await s.storyOf(twice)).attempts.map(({ status }) => status),
        ["unknown", "refused"],
        "its attempts",
      );
    },
  },
  {
    name: "holds what is held for another reason, and cancels nothing with it",
    async run(s) {
      const id = await kept(s);
      const delivery = await s.resolve(id, "hold", { from: ["held"], reason: "Another reason." });
      equal([delivery.outcome, delivery.changed, delivery.cancelled], ["recorded", false, []], "the delivery");
      equal([delivery.message?.status, delivery.message?.error?.reason], ["held", "Another reason."], "the text");
    },
  },
  {
    name: "cancels the later parts when a part is held, and keeps them cancelled",
    async run(s) {
      const [first, second] = await s.waitingMessages(2);
      const id = present(first, "the first part").id;
      await s.sending(id);
      await s.lose(id);
      const held = await s.resolve(id, "hold");
      equal(
        held.cancelled.map((part) => part.id),
        [second?.id],
        "cancelled",
      );
      const again = await s.resolve(id, "resend", { from: ["held"] });
      equal(again.cancelled, [], "cancelled by sending it again");
      equal(await s.statuses([id, present(second, "the second part").id]), ["waiting", "cancelled"], "the parts");
    },
  },
];

async function lost(s: Scene, overrides: { participant?: string; expiryMs?: number } = {}): Promise<string> {
  const id = await s.waiting({ expiryMs: EXPIRY_MS, ...overrides });
  await s.sending(id);
  await s.lose(id);
  return id;
}

async function kept(s: Scene): Promise<string> {
  const id = await lost(s, { participant: `+1555${s.id("040")}` });
  const { message } = await s.resolve(id, "hold");
  ok(message?.status === "held", "a text to decide about");
  return id;
}
