import { equal, ok, present } from "./assert.ts";
import { claimOne, type Scene, type StorageCase } from "./scene.ts";
import { consentKeyOf, DEBOUNCE_MS, PERSON, SCOPE } from "./terms.ts";

const OTHER_LINE = "+15550100002";

/** Deletion: of a person on request, and of old messages. */
export const erasureCases: readonly StorageCase[] = [
  {
    name: "forgets a person for good",
    async run(s) {
      const record = s.text();
      const post = s.post();
      await s.storage.recordInbound(record);
      const { messages } = await s.storage.recordOutbound(post);
      const outbound = present(messages[0], "the text of ours");
      await s.sending(outbound.id);
      await s.accept(outbound.id, 1, "SM1");
      await s.texted({ participant: "+15550199002" });
      const others = await s.storage.conversations({ limit: 10 });

      equal(await erase(s), { conversations: 1, messages: 2 }, "what went");
      equal(await s.storage.conversation(outbound.conversationId), null, "the conversation");
      for (const id of [record.messageId, outbound.id]) equal(await s.storage.story(id), null, "a story");
      const page = { conversationId: outbound.conversationId, after: 0, limit: 10 };
      equal([await s.storage.messages(page), await s.storage.changes(page)], [[], []], "messages and changes");
      const left = await s.storage.conversations({ limit: 10 });
      equal(
        left.conversations,
        others.conversations.filter(({ participant }) => participant !== PERSON),
        "conversations",
      );

      const again = await s.storage.recordInbound(record);
      equal(
        [again.outcome, again.message, again.conversation, again.autoReply],
        ["erased", null, null, null],
        "the same webhook",
      );
      const resent = await s.storage.recordOutbound(post);
      equal([resent.outcome, resent.messages], ["erased", []], "the same send()");
      for (const lookup of [{}, { outboundId: null, attempt: null }]) {
        const late = await s.callback(outbound.id, "delivered", { providerMessageId: "SM1", ...lookup });
        equal([late.outcome, late.message], ["unmatched", null], "a late callback");
      }
      equal((await s.accept(outbound.id, 1, "SM1")).outcome, "unmatched", "a late answer");
      equal((await s.resolve(outbound.id, "resend")).outcome, "unmatched", "a late decision");
      equal((await s.claimSend(outbound.id)).outcome, "gone", "the send admission");
      equal(await s.pause(outbound.conversationId, { paused: true }), null, "a pause");
      equal(await erase(s), { conversations: 0, messages: 0 }, "erasing again");
    },
  },
  {
    name: "erases a running turn, a due turn and messages that have not left",
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      const id = await s.waiting();
      await s.texted({ line: OTHER_LINE });
      equal((await erase(s)).conversations, 2, "conversations");
      const { outcome, messages } = await s.commit(claimed);
      equal({ outcome, messages }, { outcome: "lost", messages: [] }, "the running turn");
      equal(await s.release(claimed), false, "its release");
      equal((await s.heartbeat()).leases, [], "leases");
      equal((await s.claimSend(id)).outcome, "gone", "the send admission");
      await s.advance(DEBOUNCE_MS);
      equal(await s.due(10), { messages: [], turns: false, nextInMs: null }, "due");
    },
  },
  {
    name: "does not repeat an answer that speaks of an erased person",
    async run(s) {
      await s.texted();
      await s.advance(DEBOUNCE_MS);
      const claim = { scope: SCOPE, callId: s.id("call"), workerId: "w1", leaseMs: 15_000 };
      const claimed = present(await claimOne(s.storage, claim), "the turn");
      const commit = s.commitOf(claimed);
      equal((await s.storage.commitTurn(commit)).outcome, "committed", "the commit");
      await erase(s);
      equal(await claimOne(s.storage, claim), null, "the claim, repeated");
      equal((await s.second.commitTurn(commit)).messages, [], "the messages of the commit, repeated");
    },
  },
  {
    name: "begins anew when an erased person writes again",
    async run(s) {
      const first = await s.texted();
      await erase(s);
      const next = await s.texted();
      equal([next.outcome, next.message?.seq, next.conversation?.seq], ["recorded", 1, 1], "the new text");
      ok(next.conversation?.id !== first.conversation?.id, "the conversation is a new one");
      equal((await s.claimed()).messages, [present(next.message, "the new text")], "what is answered");
    },
  },
  {
    name: "keeps a STOP after its person's data is erased",
    async run(s) {
      await s.storage.recordInbound(s.stop());
      await erase(s);
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-out", "consent");
      equal((await s.posted()).outcome, "opted-out", "a text");
      equal((await s.texted()).message?.needsAnswer, false, "needsAnswer");
    },
  },
  {
    name: "forgets a person on one line only, where the call names one",
    async run(s) {
      await s.texted();
      const other = await s.texted({ line: OTHER_LINE });
      equal(await erase(s, OTHER_LINE), { conversations: 1, messages: 1 }, "what went");
      const { conversations } = await s.storage.conversations({ limit: 10 });
      equal(conversations.length, 1, "conversations");
      ok(conversations[0]?.id !== other.conversation?.id, "the wrong line went");
    },
  },
  {
    name: "leaves one of an erasure and a racing commit, never half of each",
    async run(s) {
      for (let round = 0; round < 4; round += 1) {
        await s.texted();
        const claimed = await s.claimed();
        const commit = s.commitOf(claimed, { parts: s.parts(3, claimed.turn.id) });
        const order = { callId: s.id("call"), participant: PERSON, line: null };
        const sides = [() => s.storage.erase(order), () => s.second.commitTurn(commit)];
        await Promise.all((round % 2 === 0 ? sides : sides.toReversed()).map((side) => side()));
        equal(await s.due(10), { messages: [], turns: false, nextInMs: null }, "due");
        equal(await s.storage.conversation(claimed.conversation.id), null, "the conversation");
        for (const { id } of commit.parts) equal(await s.storage.story(id), null, "a reply's part");
      }
    },
  },
  {
    name: "erases more than a hundred messages at once",
    async run(s) {
      const ids = (await s.waitingMessages(150)).map(({ id }) => id);
      equal(await erase(s), { conversations: 1, messages: 150 }, "what went");
      equal((await s.callback(present(ids[149], "the last"), "sent")).outcome, "unmatched", "a late callback");
    },
  },
  {
    name: "removes what is old and done with, and keeps what waits",
    async run(s) {
      const answered = s.text();
      await s.storage.recordInbound(answered);
      const claimed = await s.claimed();
      const { messages } = await s.commit(claimed);
      const reply = present(messages[0], "the reply").id;
      await s.sent(reply);
      await s.callback(reply, "delivered");
      const texted = present((await s.texted({ participant: "+15550199002" })).message, "a text that waits").id;
      const waiting = await s.waiting({ participant: "+15550199003" });
      const underway = await s.waiting({ participant: "+15550199004" });
      await s.sent(underway);
      await s.advance(100_000);
      const fresh = present((await s.texted({ needsAnswer: false })).message, "a fresh text").id;

      equal(await purge(s, 50_000), { conversations: 0, messages: 2 }, "what went");
      for (const id of [answered.messageId, reply]) equal(await s.storage.story(id), null, `${id}, done with`);
      for (const id of [texted, waiting, underway, fresh])
        present(await s.storage.story(id), `${id}, which waits or is fresh`);
      equal((await s.storage.recordInbound(answered)).outcome, "erased", "the same webhook");
      equal((await s.callback(reply, "delivered")).outcome, "unmatched", "a late callback");
      equal(
        (await s.claim())?.messages.map(({ id }) => id),
        [texted],
        "what is answered next",
      );
      equal(await s.dueIds(), [waiting], "what is sent next");
      equal(await purge(s, 50_000), { conversations: 0, messages: 0 }, "purging again");
    },
  },
  {
    name: "removes conversations left empty, and at most as many messages as the limit, oldest first",
    async run(s) {
      const ids = [];
      for (let person = 0; person < 5; person += 1) {
        const { message } = await s.texted({ participant: `+1555020${person}`, needsAnswer: false });
        ids.push(present(message, "the text"));
        await s.advance(1_000);
      }
      await s.pause(present(ids[0], "the first").conversationId, { paused: true });
      await s.advance(100_000);
      equal(await purge(s, 50_000, 2), { conversations: 1, messages: 2 }, "the first two");
      equal(await s.storage.conversation(present(ids[1], "the second").conversationId), null, "an empty conversation");
      present(await s.storage.conversation(present(ids[0], "it").conversationId), "a conversation that is paused");
      equal(await purge(s, 50_000, 100), { conversations: 3, messages: 3 }, "the rest");
    },
  },
];

function erase(s: Scene, line: string | null = null) {
  return s.storage.erase({ callId: s.id("call"), participant: PERSON, line });
}

function purge(s: Scene, olderThanMs: number, limit = 100) {
  return s.storage.purge({ callId: s.id("call"), olderThanMs, limit });
}
