import { equal, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, UNKNOWN_WINDOW_MS } from "./terms.ts";

/** Answers say when the conversation's next turn or message is due, so that the caller needs no second call. */
export const nextCases: readonly StorageCase[] = [
  {
    name: "says with a text when its turn is due",
    async run(s) {
      const { turnInMs, conversation } = await s.texted();
      s.near(turnInMs, DEBOUNCE_MS, "after a text");
      equal((await s.texted({ participant: "+15550200001", needsAnswer: false })).turnInMs, null, "without an answer");
      await s.pause(present(conversation, "the conversation").id, { paused: true });
      equal((await s.texted()).turnInMs, null, "while a person has taken over");
    },
  },
  {
    name: "says with a commit when its messages, and the next turn, are due",
    async run(s) {
      await s.texted();
      const first = await s.claimed();
      const { dueInMs, turnInMs } = await s.commit(first);
      equal([dueInMs, turnInMs], [0, null], "a reply, and nothing new");
      await s.texted();
      const second = await s.claimed();
      await s.texted();
      const late = await s.commit(second);
      equal(late.dueInMs, null, "a reply behind another one");
      s.near(late.turnInMs, DEBOUNCE_MS, "a newer text");
      const third = await s.claimed();
      await s.texted();
      const given = await s.commit(third, { supersede: true });
      equal([given.outcome, given.dueInMs], ["superseded", null], "no reply");
      s.near(given.turnInMs, DEBOUNCE_MS, "the text that it gave way to");
    },
  },
  {
    name: "says with a send() whether it waits for another message",
    async run(s) {
      const post = s.post();
      equal((await s.storage.recordOutbound(post)).dueInMs, 0, "the first one");
      equal((await s.posted()).dueInMs, null, "one behind it");
      equal((await s.storage.recordOutbound(post)).dueInMs, 0, "the first one again");
    },
  },
  {
    name: "says with what became of a message when the next one is due",
    async run(s) {
      const [one, two, three] = [await s.waiting(), await s.waiting(), await s.waiting()];
      await s.sending(one);
      s.near((await s.refuse(one, "retry", { retryInMs: 5_000 })).nextInMs, 5_000, "itself, after a refusal");
      await s.advance(5_000);
      await s.sending(one);
      s.near((await s.lose(one, 2)).nextInMs, 0, "one that waits for no message that is unknown");
      await s.accept(one, 2);
      const cancel = {
        conditions: { consent: false, unpaused: false, delayMs: 0, counters: [], rateLimit: null, cancel: "no" },
      };
      const cancelled = await s.claimSend(two, cancel);
      equal(
        [cancelled.outcome, "nextInMs" in cancelled && cancelled.nextInMs],
        ["cancelled", 0],
        "behind a cancelled one",
      );
      await s.sending(three);
      equal((await s.accept(three)).nextInMs, null, "behind the last one");
      equal((await s.callback(three, "delivered")).nextInMs, null, "after a callback");
      const last = await s.waiting();
      await s.sending(last);
      s.near((await s.lose(last)).nextInMs, UNKNOWN_WINDOW_MS, "when it is looked for");
    },
  },
];
