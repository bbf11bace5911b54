import type { OutboundMessage } from "../../../model/message.ts";
import { equal, ok, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { FREE, ORDER_WAIT_MS, UNKNOWN_WINDOW_MS } from "./terms.ts";

/** The order in which the texts of one conversation leave. */
export const orderCases: readonly StorageCase[] = [
  {
    name: "sends the parts of a text one after the other",
    async run(s) {
      const ids = idsOf(await s.waitingMessages(3));
      const [first, second, third] = three(ids);
      equal(await s.dueIds(), [first], "due at first");
      for (const later of [second, third]) {
        const answer = await s.claimSend(later);
        ok(answer.outcome === "waiting", `a later part: expected waiting, got ${answer.outcome}`);
        equal(answer.retryInMs, null, "retryInMs of a later part");
      }
      await s.sending(first);
      equal(await s.dueIds(), [], "due while the first part is on its way");
      equal((await s.claimSend(second)).outcome, "waiting", "the second part meanwhile");
      await s.accept(first);
      equal(await s.dueIds(), [second], "due after the first part");
      await s.sent(second);
      equal(await s.dueIds(), [third], "due after the second part");
      await s.sent(third);
      const { messages, nextInMs } = await s.due(10);
      equal([messages, nextInMs], [[], null], "due after the last part");
    },
  },
  {
    name: "sends the texts of a conversation one after the other, and other conversations meanwhile",
    async run(s) {
      const first = await s.waiting();
      const second = await s.waiting();
      const elsewhere = await s.waiting({ participant: "+15550199002" });
      equal((await s.dueIds()).toSorted(), [first, elsewhere].toSorted(), "due");
      equal((await s.claimSend(second)).outcome, "waiting", "behind an waiting");
      await s.sending(first);
      equal((await s.claimSend(second)).outcome, "waiting", "behind a text on its way");
      await s.sent(elsewhere);
      await s.accept(first);
      equal(await s.dueIds(), [second], "due after the first");
    },
  },
  {
    name: "goes on after a text that was given up",
    async run(s) {
      const [failed, cancelled, dropped, last] = [
        await s.waiting(),
        await s.waiting(),
        await s.waiting(),
        await s.waiting(),
      ];
      await s.sending(failed);
      await s.refuse(failed, "fail");
      equal(await s.dueIds(), [cancelled], "after a failure");
      await s.claimSend(cancelled, { conditions: { ...FREE, cancel: "Not this one." } });
      equal(await s.dueIds(), [dropped], "after a cancellation");
      await s.sending(dropped);
      await s.lose(dropped);
      await s.resolve(dropped, "drop");
      equal(await s.dueIds(), [last], "after a text was dropped");
      equal(await s.sending(last), 1, "the last text");
    },
  },
  {
    name: "waits for an unknown text of the conversation for a while, then overtakes it",
    async run(s) {
      const unknown = await s.waiting();
      const next = await s.waiting();
      await s.sending(unknown);
      await s.advance(1_000);
      await s.lose(unknown);
      equal(await s.dueIds(), [next], "due");
      await s.advance(20_000);
      const answer = await s.claimSend(next);
      ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
      s.near(answer.retryInMs, ORDER_WAIT_MS - 20_000, "what is left of the wait");
      equal(await s.dueIds(), [], "due while it waits");
      s.near((await s.due(10)).nextInMs, ORDER_WAIT_MS - 20_000, "nextInMs");
      await s.advance(ORDER_WAIT_MS - 20_000);
      equal(await s.dueIds(), [next], "due after the wait");
      const overtaking = await s.claimSend(next);
      ok(overtaking.outcome === "claimed", `expected claimed, got ${overtaking.outcome}`);
      equal(overtaking.overtook, [unknown], "overtook");
    },
  },
  {
    name: "does not wait any longer once the unknown text has moved",
    async run(s) {
      const unknown = await s.waiting();
      const next = await s.waiting();
      await s.sending(unknown);
      await s.lose(unknown);
      await s.claimSend(next);
      equal(await s.dueIds(), [], "due while it waits");
      await s.callback(unknown, "sent");
      equal(await s.dueIds(), [next], "due after the callback");
      const answer = await s.claimSend(next);
      ok(answer.outcome === "claimed", `expected claimed, got ${answer.outcome}`);
      equal(answer.overtook, [], "overtook");
    },
  },
  {
    name: "never overtakes an unknown part of the same text",
    async run(s) {
      const [first, second, third] = three(idsOf(await s.waitingMessages(3)));
      await s.sending(first);
      await s.lose(first);
      await s.advance(ORDER_WAIT_MS);
      equal(await s.dueIds(), [], "due");
      const answer = await s.claimSend(second);
      ok(answer.outcome === "waiting", `expected waiting, got ${answer.outcome}`);
      equal(answer.retryInMs, null, "retryInMs");
      await s.accept(first);
      equal(await s.dueIds(), [second], "due after the provider's answer");
      equal(await s.statuses([second, third]), ["waiting", "waiting"], "the later parts");
    },
  },
  {
    name: "puts a text that is sent again before the later ones",
    async run(s) {
      const first = await s.waiting();
      const second = await s.waiting();
      await s.sending(first);
      await s.lose(first);
      await s.advance(UNKNOWN_WINDOW_MS);
      const { changed, message } = await s.resolve(first, "resend");
      equal([changed, message?.status], [true, "waiting"], "the text");
      equal(await s.dueIds(), [first], "due");
      equal((await s.claimSend(second)).outcome, "waiting", "the later text");
      equal(await s.sending(first), 2, "attempt");
    },
  },
  {
    name: "cancels the later parts when a part is given up",
    async run(s) {
      const endings: readonly (readonly [
        string,
        (id: string) => Promise<{ cancelled: readonly OutboundMessage[] }>,
      ])[] = [
        ["failed", (id) => s.refuse(id, "fail")],
        ["failed", (id) => s.callback(id, "failed")],
        ["undelivered", (id) => s.callback(id, "undelivered")],
        ["held", (id) => lost(s, id, "hold")],
        ["failed", (id) => lost(s, id, "drop")],
      ];
      for (const [status, end] of endings) {
        const [first, second, third] = three(idsOf(await s.waitingMessages(3)));
        const other = await s.waiting();
        await s.sending(first);
        const { cancelled } = await end(first);
        equal(idsOf(cancelled), [second, third], `cancelled after ${status}`);
        equal(
          await s.statuses([first, second, third, other]),
          [status, "cancelled", "cancelled", "waiting"],
          "statuses",
        );
        ok((await s.outbound(second)).error !== null, "a cancelled part says why");
        equal(await s.dueIds(), [other], "due");
        await s.sent(other);
      }
    },
  },
  {
    name: "leaves later parts alone that have left already",
    async run(s) {
      const [first, second, third] = three(idsOf(await s.waitingMessages(3)));
      await s.sent(first);
      await s.sent(second);
      const { cancelled } = await s.callback(first, "undelivered");
      equal(idsOf(cancelled), [third], "cancelled");
      equal(await s.statuses([first, second, third]), ["undelivered", "accepted", "cancelled"], "statuses");
    },
  },
  {
    name: "cancels a part at the send admission when an earlier part failed",
    async run(s) {
      for (const status of ["failed", "undelivered"] as const) {
        const [first, second] = idsOf(await s.waitingMessages(2));
        const [one, two] = [present(first, "1"), present(second, "2")];
        await s.sent(one);
        await s.sending(two);
        await s.lose(two);
        equal((await s.callback(one, status)).cancelled, [], "an unknown part is not cancelled");
        await s.resolve(two, "resend");
        equal(await s.dueIds(), [two], `due after ${status}`);
        equal((await s.claimSend(two)).outcome, "cancelled", `the send admission after ${status}`);
      }
    },
  },
  {
    name: "keeps a text from leaving before its backoff is over, also where the texts ahead of it move",
    async run(s) {
      const first = await s.waiting();
      const second = await s.waiting();
      await s.sent(first);
      await s.sending(second);
      await s.refuse(second, "retry", { retryInMs: 60_000 });
      await s.callback(first, "delivered");
      equal(await s.dueIds(), [], "due");
      s.near((await s.due(10)).nextInMs, 60_000, "nextInMs");
      await s.advance(60_000);
      equal(await s.dueIds(), [second], "due after the backoff");
    },
  },
  {
    name: "makes later texts wait for one that backs off",
    async run(s) {
      const first = await s.waiting();
      const second = await s.waiting();
      await s.sending(first);
      await s.refuse(first, "retry", { retryInMs: 60_000 });
      equal((await s.claimSend(second)).outcome, "waiting", "the later text");
      equal(await s.dueIds(), [], "due");
    },
  },
  {
    name: "carries a text of 250 parts through, in order",
    async run(s) {
      const ids = idsOf(await s.waitingMessages(250));
      equal((await s.due(10)).messages.length, 1, "due");
      equal((await s.claimSend(present(ids[249], "the last part"))).outcome, "waiting", "the last part");
      await s.sent(present(ids[0], "the first part"));
      equal(await s.dueIds(), [ids[1]], "due after the first part");
      await s.sending(present(ids[1], "the second part"));
      const { cancelled } = await s.refuse(present(ids[1], "the second part"), "fail");
      equal(idsOf(cancelled), ids.slice(2), "cancelled");
    },
  },
];

function idsOf(messages: readonly OutboundMessage[]): string[] {
  return messages.map(({ id }) => id);
}

function three(ids: readonly string[]): [string, string, string] {
  return [present(ids[0], "the first part"), present(ids[1], "the second part"), present(ids[2], "the third part")];
}

async function lost(s: Scene, id: string, decision: "hold" | "drop") {
  await s.lose(id);
  return s.resolve(id, decision);
}
