import { equal, ok, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { DEBOUNCE_MS, LEASE_MS } from "./terms.ts";

/** Reads: conversations, messages, changes, and due work. */
export const queryCases: readonly StorageCase[] = [
  {
    name: "answers about an unknown id with nothing",
    async run(s) {
      equal(await s.storage.conversation("c-absent"), null, "conversation");
      equal(await s.storage.conversations({ limit: 10 }), { conversations: [], cursor: null }, "conversations");
      equal(await s.storage.messages({ conversationId: "c-absent", after: 0, limit: 10 }), [], "messages");
      equal(await s.storage.changes({ conversationId: "c-absent", after: 0, limit: 10 }), [], "changes");
      equal(await s.storage.story("m-absent"), null, "story");
      equal(await s.storage.consent("absent"), null, "consent");
      equal(await s.due(10), { messages: [], turns: false, nextInMs: null }, "due");
    },
  },
  {
    name: "lists conversations by their newest message, page by page, each once",
    async run(s) {
      for (let person = 0; person < 7; person += 1) {
        await s.texted({ participant: `+1555020${person}`, conversationId: `c-${person}` });
        if (person % 3 === 2) await s.advance(1_000);
      }
      await s.texted({ participant: "+15550200" });
      await s.advance(1_000);
      await s.waiting({ participant: "+15550201" });
      const pages: string[][] = [];
      let after: string | null = null;
      do {
        const page: Awaited<ReturnType<typeof s.storage.conversations>> = await s.storage.conversations(
          after === null ? { limit: 2 } : { limit: 2, after },
        );
        pages.push(page.conversations.map(({ id }) => id));
        after = page.cursor;
        ok(pages.length < 10, "the pages never end");
      } while (after !== null);
      const whole = await s.storage.conversations({ limit: 100 });
      equal(
        pages.flat(),
        whole.conversations.map(({ id }) => id),
        "pages and the whole list",
      );
      equal(
        pages.map(({ length }) => length),
        [2, 2, 2, 1],
        "pages",
      );
      equal(pages.flat().slice(0, 1), ["c-1"], "the newest activity");
      const times = whole.conversations.map(({ updatedAt }) => updatedAt);
      equal(
        times,
        times.toSorted((a, b) => b - a),
        "order",
      );
      equal(whole.cursor, null, "cursor of the last page");
      equal((await s.storage.conversations({ limit: 7 })).cursor, null, "cursor of a page that is just full");
    },
  },
  {
    name: "keeps its place in the list while conversations move",
    async run(s) {
      for (let person = 0; person < 6; person += 1) {
        await s.texted({ participant: `+1555020${person}`, conversationId: `c-${person}` });
        await s.advance(1_000);
      }
      const first = await s.storage.conversations({ limit: 2 });
      equal(
        first.conversations.map(({ id }) => id),
        ["c-5", "c-4"],
        "the first page",
      );
      await s.texted({ participant: "+15550204" });
      await s.texted({ participant: "+15550200" });
      const second = await s.storage.conversations({ limit: 10, after: present(first.cursor, "the cursor") });
      equal(
        second.conversations.map(({ id }) => id),
        ["c-3", "c-2", "c-1"],
        "the rest: none twice, none skipped that stood still",
      );
    },
  },
  {
    name: "does not move a conversation for a change of a status",
    async run(s) {
      const id = await s.waiting();
      const { conversationId } = await s.outbound(id);
      const before = await s.storage.conversation(conversationId);
      await s.advance(1_000);
      await s.sent(id);
      const after = await s.storage.conversation(conversationId);
      equal([after?.updatedAt, after?.seq], [before?.updatedAt, 3], "updatedAt and seq");
    },
  },
  {
    name: "pages through messages upwards and downwards",
    async run(s) {
      const { message } = await s.texted();
      const { conversationId } = present(message, "the text");
      await s.waitingMessages(3);
      const sent = (await s.storage.messages({ conversationId, after: 1, limit: 1 }))[0];
      await s.sending(present(sent, "the first part").id);
      await s.texted();
      const up = await s.storage.messages({ conversationId, after: 0, limit: 100 });
      equal(
        up.map(({ seq }) => seq),
        [1, 2, 3, 4, 6],
        "places, with a gap where a status changed",
      );
      equal(await s.storage.messages({ conversationId, after: 2, limit: 2 }), up.slice(2, 4), "upwards");
      equal(await s.storage.messages({ conversationId, after: 6, limit: 2 }), [], "upwards from the end");
      equal(await s.storage.messages({ conversationId, before: 5, limit: 2 }), [up[3], up[2]], "downwards");
      const last = Number.MAX_SAFE_INTEGER;
      equal(
        await s.storage.messages({ conversationId, before: last, limit: 100 }),
        up.toReversed(),
        "downwards from the end",
      );
      equal(await s.storage.messages({ conversationId, before: 1, limit: 2 }), [], "downwards from the start");
    },
  },
  {
    name: "feeds every change once, by its position",
    async run(s) {
      const { message } = await s.texted();
      const { conversationId } = present(message, "the text");
      const [first, second] = await s.waitingMessages(2);
      const [one, two] = [present(first, "1").id, present(second, "2").id];
      const seen = new Map<string, string>();
      let after = 0;
      const read = async () => {
        for (;;) {
          const page = await s.storage.changes({ conversationId, after, limit: 2 });
          ok(page.length <= 2, `a page of ${page.length} changes where 2 were asked for`);
          for (const changed of page) {
            ok(changed.changedSeq > after, "the feed does not rise");
            after = changed.changedSeq;
            seen.set(changed.id, changed.direction === "outbound" ? changed.status : "inbound");
          }
          if (page.length === 0) return;
        }
      };
      await read();
      equal([seen.size, after], [3, 3], "the first reading");
      await s.sent(one);
      await read();
      equal(seen.get(one), "accepted", "after the first part was sent");
      await s.sending(two);
      await s.refuse(two, "retry");
      await s.callback(one, "delivered");
      await read();
      equal([seen.get(one), seen.get(two)], ["delivered", "waiting"], "after more changes");
      await s.storage.recordInbound(s.stop());
      await read();
      const all = await s.storage.messages({ conversationId, after: 0, limit: 100 });
      for (const now of all)
        equal(seen.get(now.id), now.direction === "outbound" ? now.status : "inbound", "the last reading");
      equal(after, (await s.storage.conversation(conversationId))?.seq, "the conversation's position");
    },
  },
  {
    name: "says what is due first, and no more than was asked for",
    async run(s) {
      const ids = [];
      for (let person = 0; person < 5; person += 1) {
        ids.push(await s.waiting({ participant: `+1555020${person}` }));
        await s.advance(1_000);
      }
      equal(await s.dueIds(), ids, "the oldest first");
      const { messages, nextInMs } = await s.due(2);
      equal(
        messages.map(({ message }) => message.id),
        ids.slice(0, 2),
        "at most two",
      );
      equal(nextInMs, null, "nothing else becomes due later");
      const [due] = messages;
      const { conversation, consentKey, message } = present(due, "what is due");
      equal(
        [conversation.participant, conversation.id, consentKey],
        ["+15550200", message.conversationId, "consent:+15550200"],
        "what comes with it",
      );
    },
  },
  {
    name: "says when to look again",
    async run(s) {
      await s.texted({ debounceMs: 2_000 });
      await s.texted({ debounceMs: 5_000, participant: "+15550199002" });
      s.near((await s.due(10)).nextInMs, 2_000, "the nearer turn");
      const id = await s.waiting({ participant: "+15550199003" });
      await s.sending(id);
      await s.refuse(id, "retry", { retryInMs: 1_000 });
      s.near((await s.due(10)).nextInMs, 1_000, "the text that backs off");
      await s.advance(2_000);
      const { turns, messages, nextInMs } = await s.due(10);
      equal([turns, messages.length], [true, 1], "what is due now");
      s.near(nextInMs, DEBOUNCE_MS, "the turn that is not due yet");
    },
  },
  {
    name: "counts the end of a lease and of a handing-over among what becomes due",
    async run(s) {
      await s.texted();
      await s.claimed("expired");
      s.near((await s.due(10)).nextInMs, LEASE_MS, "while a turn runs");
      await s.advance(5_000);
      s.near((await s.due(10)).nextInMs, LEASE_MS - 5_000, "later");
      await s.sending(await s.waiting({ participant: "+15550199002" }), { workerId: "other", leaseMs: 5_000 });
      s.near((await s.due(10)).nextInMs, 5_000, "while a text is handed over, too");
      await s.heartbeat({ workerId: "other", leaseMs: 60_000 });
      s.near((await s.due(10)).nextInMs, LEASE_MS - 5_000, "after that worker was heard of");
      await s.advance(LEASE_MS);
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: 0 }, "when the first one's time is over");
      await s.heartbeat({ workerId: "next" });
      equal((await s.due(10)).turns, true, "a turn, after a worker has looked");
    },
  },
  {
    name: "does not count a worker that holds nothing",
    async run(s) {
      await s.heartbeat();
      await s.sent(await s.waiting());
      equal((await s.due(10)).nextInMs, null, "nextInMs");
      await s.advance(LEASE_MS);
      equal((await s.due(10)).nextInMs, null, "nextInMs when its time is over");
    },
  },
];
