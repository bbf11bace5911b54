import { equal, ok, present } from "./assert.ts";
import { LOOK_AGAIN_MS, personOf, refusedRow, texted } from "./corrupt-scene.ts";
import type { StorageCase } from "./scene.ts";
import { consentKeyOf, DEBOUNCE_MS, FREE, PERSON } from "./terms.ts";

/** Calls about rows that cannot be read, and lists that contain such rows. */
export const corruptCallCases: readonly StorageCase[] = [
  {
    name: "fails a call about a row that cannot be read, and none that comes with it",
    async run(s) {
      await texted(s, 6);
      await s.stop({ participant: personOf(3) });
      await s.storage.recordInbound(s.stop({ participant: personOf(3) }));
      await s.corrupt("consents", consentKeyOf(personOf(3)));
      const conversation = present((await s.texted({ participant: personOf(5) })).conversation, "a conversation");
      await s.corrupt("conversations", conversation.id);
      for (const storage of [s.storage, s.second]) {
        const calls = Array.from({ length: 6 }, (_, at) => {
          return storage.recordInbound(s.text({ participant: personOf(at + 1) }));
        });
        const settled = await Promise.allSettled(calls);
        equal(
          settled.map(({ status }) => status),
          ["fulfilled", "fulfilled", "rejected", "fulfilled", "rejected", "fulfilled"],
          "the calls",
        );
        const [, , consent = Promise.resolve(), , broken = Promise.resolve()] = calls;
        equal((await refusedRow(consent, "a text of the consent")).table, "consents", "the consent's row");
        const row = await refusedRow(broken, "a text of the conversation");
        equal([row.table, row.id, row.conversationId], ["conversations", conversation.id, conversation.id], "the row");
      }
    },
  },
  {
    name: "lets nothing leave to a person whose consent cannot be read",
    async run(s) {
      await s.storage.recordInbound(s.start());
      const id = await s.waiting();
      const other = await s.waiting({ participant: personOf(2) });
      const { mend } = await s.corrupt("consents", consentKeyOf(PERSON));
      const row = await refusedRow(s.claimSend(id), "the claim");
      equal(row.conversationId, (await s.outbound(id)).conversationId, "whose it is");
      equal((await s.outbound(id)).attempts, 0, "attempts");
      equal(await s.dueIds(), [other], "what else is due");
      await s.sent(other);
      await mend();
      await s.advance(LOOK_AGAIN_MS);
      await s.claim();
      equal(await s.dueIds(), [id], "due again");
      await s.sent(id);
    },
  },
  {
    name: "records an opt-out beside a message that cannot be read, and stops the rest",
    async run(s) {
      const [one, other] = [await s.waiting(), await s.waiting()];
      const { mend } = await s.corrupt("messages", other);
      const { outcome, cancelled, consentChanged } = await s.storage.recordInbound(s.stop());
      equal([outcome, consentChanged], ["recorded", true], "the opt-out");
      equal(
        cancelled.map(({ id }) => id),
        [one],
        "stopped",
      );
      await mend();
      equal((await s.claimSend(other)).outcome, "cancelled", "the other message, when it can be read again");
    },
  },
  {
    name: "gives a repetition its first answer, also where its row is broken, and none that cannot be read",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      const commit = s.commitOf(claimed);
      const first = await s.storage.commitTurn(commit);
      const { mend } = await s.corrupt("conversations", claimed.conversation.id);
      equal(await s.storage.commitTurn(commit), first, "the repetition");
      await mend();
      const call = `commitTurn ${commit.callId}`;
      await s.corrupt("answers", call);
      const row = await refusedRow(s.storage.commitTurn(commit), "a repetition whose answer cannot be read");
      equal([row.table, row.id], ["answers", call], "the row");
    },
  },
  {
    name: "names the row to each call that is about it",
    async run(s) {
      const { message, conversation } = await s.texted();
      const claimed = await s.claimed();
      const conversationId = present(conversation, "the conversation").id;
      const messageId = present(message, "the text").id;
      const { column, mend } = await s.corrupt("messages", messageId);
      const row = { table: "messages", id: messageId, column, conversationId };
      equal(await refusedRow(s.storage.messages({ conversationId, after: 0, limit: 9 }), "messages"), row, "messages");
      equal(await refusedRow(s.storage.story(messageId), "story"), row, "story");
      const thrown = await Promise.all([1, 2].map(() => s.storage.story(messageId).catch((error: unknown) => error)));
      ok(new Set([...thrown, ...s.storage.problems]).size === 1, "all calls throw the error that is listed");
      await mend();
      await s.corrupt("turns", claimed.turn.id);
      const calls = [s.commit(claimed), s.release(claimed), s.pause(conversationId, { paused: true })];
      for (const call of calls) equal((await refusedRow(call, "a call")).id, claimed.turn.id, "the turn's row");
      await s.corrupt("conversations", conversationId);
      equal((await refusedRow(s.storage.conversation(conversationId), "conversation")).id, conversationId, "its row");
    },
  },
  {
    name: "fails what the provider says about an attempt that cannot be read",
    async run(s) {
      const id = await s.waiting();
      await s.sent(id);
      await s.callback(id, "sent");
      await s.corrupt("events", `${id} 1 0`);
      equal((await refusedRow(s.callback(id, "delivered"), "a callback")).id, `${id} 1 0`, "the event's row");
      await s.corrupt("attempts", `${id} 1`);
      await refusedRow(s.callback(id, "delivered"), "a callback");
      equal((await s.storage.recordStatus(s.callbackOf("nowhere", "sent"))).outcome, "unmatched", "another callback");
    },
  },
  {
    name: "begins a limit anew that cannot be read, holds nothing up by it, and reports it",
    async run(s) {
      const ids = [
        await s.waiting(),
        await s.waiting({ participant: personOf(2) }),
        await s.waiting({ participant: personOf(3) }),
      ];
      const [one = "", other = "", third = ""] = ids;
      const limit = { key: "day", windowMs: 86_400_000, max: 2, charge: 1, full: "wait", reason: "Enough." } as const;
      const rateLimit = { key: `rateLimit:${PERSON}`, costMs: 1_000, reason: "The sender is busy." };
      const conditions = { ...FREE, counters: [limit], rateLimit };
      await s.sending(one, { conditions });
      await s.corrupt("counters", limit.key);
      await s.corrupt("rateLimits", rateLimit.key);
      await s.sending(other, { conditions });
      equal(
        (await s.storage.counters([limit.key])).map(({ count }) => count),
        [1],
        "the counter",
      );
      equal((await s.claimSend(third, { conditions })).outcome, "waiting", "behind the other one");
      await s.corrupt("counters", limit.key);
      equal(await s.storage.counters([limit.key]), [], "the counter that cannot be read");
      const reported = s.storage.problems.map(({ row }) => row);
      equal(reported.map((row) => row?.table).toSorted(), ["counters", "rateLimits"], "reported");
      ok(
        reported.every((row) => row?.id.includes(PERSON) === false),
        "without a number",
      );
    },
  },
  {
    name: "lists as many conversations as were asked for, without those that cannot be read",
    async run(s) {
      const ids = await texted(s, 7);
      for (const at of [0, 3, 4, 5]) await s.corrupt("conversations", ids[at] ?? "");
      const first = await s.storage.conversations({ limit: 2 });
      equal(
        first.conversations.map(({ id }) => id),
        [ids[6], ids[2]],
        "the first page",
      );
      const second = await s.storage.conversations({ limit: 2, after: present(first.cursor, "the cursor") });
      equal([second.conversations.map(({ id }) => id), second.cursor], [[ids[1]], null], "the second page");
      equal(s.storage.problems.length, 4, "reported");
    },
  },
  {
    name: "lists as many changes as were asked for, without the messages that cannot be read",
    async run(s) {
      const recorded = [await s.texted(), await s.texted(), await s.texted(), await s.texted(), await s.texted()];
      const messages = recorded.map(({ message }) => present(message, "a text"));
      const [, second, third] = messages;
      for (const broken of [second, third]) await s.corrupt("messages", broken?.id ?? "");
      const conversationId = messages[0]?.conversationId ?? "";
      const page = await s.storage.changes({ conversationId, after: 0, limit: 2 });
      equal(
        page.map(({ id }) => id),
        [messages[0]?.id, messages[3]?.id],
        "the first page",
      );
      const rest = await s.storage.changes({ conversationId, after: page.at(-1)?.changedSeq ?? 0, limit: 2 });
      equal(
        rest.map(({ id }) => id),
        [messages[4]?.id],
        "the rest",
      );
      equal(s.storage.problems.length, 2, "reported");
    },
  },
  {
    name: "erases a person of whom rows cannot be read",
    async run(s) {
      const { conversation, message } = await s.texted();
      const claimed = await s.claimed();
      await s.commit(claimed);
      await s.sent(`${claimed.turn.id}-1`);
      const conversationId = present(conversation, "the conversation").id;
      const messageId = present(message, "the text").id;
      await s.corrupt("events", `${claimed.turn.id}-1 1 0`);
      await s.corrupt("attempts", `${claimed.turn.id}-1 1`);
      await s.corrupt("turns", claimed.turn.id);
      await s.corrupt("messages", messageId);
      await s.corrupt("conversations", conversationId);
      await refusedRow(s.texted(), "a text before the erasure");
      const erased = await s.storage.erase({ callId: s.id("call"), participant: PERSON, line: null });
      equal(erased, { conversations: 1, messages: 2 }, "erased");
      equal([await s.storage.conversation(conversationId), await s.storage.story(messageId)], [null, null], "left");
      const next = present((await s.texted()).conversation, "the next conversation");
      ok(next.id !== conversationId, "its id");
      await s.advance(Math.max(DEBOUNCE_MS, LOOK_AGAIN_MS));
      equal((await s.claim())?.conversation.id, next.id, "its turn");
      equal(s.storage.problems, [], "what is left to report");
    },
  },
  {
    name: "removes what is old beside rows that cannot be read",
    async run(s) {
      const [broken = "", whole = ""] = await texted(s, 2);
      for (const _ of [broken, whole])
        await s.commit(present(await s.claim(), "a turn"), { outcome: "silent", parts: [] });
      await s.corrupt("conversations", broken);
      await s.advance(100_000);
      await s.storage.purge({ callId: s.id("call"), olderThanMs: 50_000, limit: 10 });
      equal(
        await s.storage.messages({ conversationId: whole, after: 0, limit: 9 }),
        [],
        "what is left of the other one",
      );
    },
  },
];
