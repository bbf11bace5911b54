import { equal, ok, present } from "./assert.ts";
import { race } from "./race.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { consentKeyOf, DEBOUNCE_MS, LINE, ORDER_WAIT_MS } from "./terms.ts";

/*
 * A person whose number has two spellings: there is one conversation, and messages go to the spelling that the provider
 * showed last.
 */

/** A Brazilian mobile number with and without its ninth digit. */
const [WITH_NINE, WITHOUT_NINE] = ["+5511987654321", "+551187654321"];

const ONE_PERSON = [
  [WITH_NINE, WITHOUT_NINE],
  ["whatsapp:+5511976543210", "whatsapp:+551176543210"],
  ["whatsapp:+5215512345678", "whatsapp:+525512345678"],
  ["whatsapp:+541123456789", "whatsapp:+5491123456789"],
] as const;

const TWO_PEOPLE = [
  // A landline number and a mobile number.
  ["+551133334444", "+5511933334444"],
  ["+541123456789", "+5491123456789"],
  // Two channels are two conversations.
  ["+5511955554444", "whatsapp:+5511955554444"],
] as const;

const SEEN_LAST = "recordInbound: a conversation shows the form of the address that the provider showed last";
const FOUND_LATE = "recordInbound: a message that was found late does not bring back an older form";
const SENT_TO_LAST = "claimSend: what was filed before leaves to the form that the provider showed last";

const cases: readonly StorageCase[] = [
  {
    name: "recordInbound: a number that is written in two ways has one conversation",
    async run(s) {
      for (const [one, other] of ONE_PERSON) {
        const ids = await conversationsOf(s, [one, other, one]);
        equal(new Set(ids).size, 1, `the conversations of ${one} and ${other}`);
      }
      for (const [one, other] of TWO_PEOPLE) {
        const ids = await conversationsOf(s, [one, other]);
        equal(new Set(ids).size, 2, `the conversations of ${one} and ${other}`);
      }
      const { conversations } = await s.storage.conversations({ limit: 100 });
      equal(conversations.length, ONE_PERSON.length + 2 * TWO_PEOPLE.length, "the conversations");
    },
  },
  {
    name: SEEN_LAST,
    async run(s) {
      const typed = present((await s.texted({ participant: WITH_NINE, origin: "simulated" })).conversation, "it");
      equal(typed.participant, WITH_NINE, "what is typed first");
      await s.texted({ participant: WITHOUT_NINE, origin: "simulated" });
      equal(await participantOf(s, typed.id), WITH_NINE, "after the other form was typed");
      const texted = await s.texted({ participant: WITHOUT_NINE });
      equal(texted.conversation?.participant, WITHOUT_NINE, "the answer, after the provider showed a form");
      equal(await participantOf(s, typed.id), WITHOUT_NINE, "after the provider showed a form");
      const repeated = await s.texted({ participant: WITH_NINE, origin: "simulated" });
      equal(repeated.message?.from, WITH_NINE, "the form of a message that is typed");
      await s.posted({ participant: WITH_NINE });
      equal(await participantOf(s, typed.id), WITHOUT_NINE, "after the other form was typed and sent to");
      await s.texted({ participant: WITH_NINE });
      equal(await participantOf(s, typed.id), WITH_NINE, "after the provider showed the other form");
      const messages = await s.storage.messages({ conversationId: typed.id, after: 0, limit: 10 });
      const texts = messages.flatMap((message) => (message.direction === "inbound" ? message.from : []));
      equal(texts, [WITH_NINE, WITHOUT_NINE, WITHOUT_NINE, WITH_NINE, WITH_NINE], "each message as it came");
    },
  },
  {
    name: FOUND_LATE,
    async run(s) {
      const { message, conversation } = await s.texted({ participant: WITH_NINE });
      const { id } = present(conversation, "the conversation");
      await s.advance(60_000);
      const earlier = present(message, "the message").createdAt - 60_000;
      const found = await s.texted({ participant: WITHOUT_NINE, occurredAt: earlier });
      equal([found.conversation?.id, found.conversation?.participant], [id, WITH_NINE], "after an older message");
      equal(found.message?.from, WITHOUT_NINE, "the form of the older message");
      const newer = await s.texted({ participant: WITHOUT_NINE, occurredAt: earlier + 90_000 });
      equal(newer.conversation?.participant, WITHOUT_NINE, "after a newer message that was found late");
      // The storage's clock is wrong for a moment.
      await s.advance(86_400_000);
      const ahead = present((await s.texted({ participant: WITHOUT_NINE })).message, "a message of the wrong clock");
      await s.advance(-86_400_000);
      const occurredAt = ahead.createdAt - 86_400_000;
      const right = await s.texted({ participant: WITH_NINE, occurredAt });
      equal(right.conversation?.participant, WITH_NINE, "after a clock was a day ahead");
    },
  },
  {
    name: "recordOutbound: a number that is written in two ways has one conversation, and one key",
    async run(s) {
      const first = await s.posted({ participant: WITH_NINE });
      const { id } = present(first.conversation, "the conversation");
      const second = await s.posted({ participant: WITHOUT_NINE });
      equal(second.conversation?.id, id, "the conversation of the other form");
      equal(second.messages[0]?.to, WITH_NINE, "the form given first");
      await s.texted({ participant: WITHOUT_NINE });
      const post = s.post({ participant: WITH_NINE });
      const third = await s.storage.recordOutbound(post);
      equal([third.conversation?.id, third.messages[0]?.to], [id, WITHOUT_NINE], "the form that the provider showed");
      const repeated = await s.storage.recordOutbound({ ...post, participant: WITHOUT_NINE, callId: s.id("call") });
      equal([repeated.outcome, repeated.messages], ["repeated", third.messages], "the key, with the other form");
    },
  },
  {
    name: SENT_TO_LAST,
    async run(s) {
      const [id = "", retried = ""] = (await s.waitingMessages(2, { participant: WITH_NINE })).map(
        (message) => message.id,
      );
      await s.texted({ participant: WITHOUT_NINE });
      const claimed = await s.claimSend(id);
      ok(claimed.outcome === "claimed", `expected claimed, got ${claimed.outcome}`);
      equal(claimed.message.to, WITHOUT_NINE, "a message that was filed before");
      await s.accept(id);
      await s.sending(retried);
      equal((await s.outbound(retried)).to, WITHOUT_NINE, "the next one");
      await s.refuse(retried, "retry");
      await s.texted({ participant: WITH_NINE });
      equal((await s.outbound(retried)).to, WITHOUT_NINE, "before it is sent again");
      await s.sending(retried);
      equal((await s.outbound(retried)).to, WITH_NINE, "what is sent again");
      equal((await s.outbound(id)).to, WITHOUT_NINE, "what has left stays as it was sent");
    },
  },
  {
    name: "competingAttempts: messages with the same words to two forms of one number are competingAttempts",
    async run(s) {
      const first = await s.waiting({ participant: WITH_NINE, parts: [s.part(s.id("o"))] });
      await s.sending(first);
      await s.lose(first);
      await s.texted({ participant: WITHOUT_NINE });
      const second = await s.waiting({ participant: WITHOUT_NINE, parts: [s.part(s.id("o"))] });
      await s.claimSend(second);
      await s.advance(ORDER_WAIT_MS);
      await s.sending(second);
      await s.lose(second);
      const { attempts } = await s.storage.competingAttempts({ outboundId: second, providerMessageIds: [] });
      equal(
        attempts.map(({ outboundId }) => outboundId),
        [first, second],
        "the competingAttempts",
      );
    },
  },
  {
    name: "recordInbound: an opt-out under one form of a number stops what waits for the other",
    async run(s) {
      const id = await s.waiting({ participant: WITH_NINE });
      const stop = await s.storage.recordInbound(s.stop({ participant: WITHOUT_NINE }));
      equal(
        stop.cancelled.map((message) => message.id),
        [id],
        "what it stopped",
      );
      const refused = await s.posted({ participant: WITH_NINE });
      equal([refused.outcome, refused.conversation?.id], ["opted-out", stop.conversation?.id], "a later send()");
      equal((await s.storage.consent(consentKeyOf(WITH_NINE)))?.state, "opted-out", "the consent");
    },
  },
  {
    name: "erase: forgets a person by either form of the number",
    async run(s) {
      for (const [asked, shown] of [ONE_PERSON[0], ONE_PERSON[0].toReversed()]) {
        const stored = s.text({ participant: asked });
        await s.storage.recordInbound(stored);
        await s.texted({ participant: shown });
        const order = { callId: s.id("call"), participant: asked ?? "", line: LINE };
        equal(
          await s.storage.erase({ ...order, line: "+15550100009" }),
          { conversations: 0, messages: 0 },
          "elsewhere",
        );
        const erased = await s.storage.erase({ ...order, callId: s.id("call") });
        equal(erased, { conversations: 1, messages: 2 }, `the person of ${asked}`);
        equal((await s.storage.conversations({ limit: 10 })).conversations, [], "what is left");
        const again = await s.storage.recordInbound({ ...stored, participant: shown ?? "", callId: s.id("call") });
        equal(again.outcome, "erased", "a repetition");
      }
    },
  },
  {
    name: "recordInbound: two first messages that race under two forms of a number make one conversation",
    async run(s) {
      await race(8, async (round, stagger) => {
        const digits = `${7_000_000 + round}`;
        const people = [`+55119${6}${digits}`, `+5511${6}${digits}`] as const;
        const [one, other] = people.map((participant) => s.text({ participant }));
        const answers = await Promise.all([
          stagger(0).then(() => s.storage.recordInbound(one ?? s.text())),
          stagger(1).then(() => s.second.recordInbound(other ?? s.text())),
          // Further calls on the same handles, which may decide them together with the first calls.
          s.storage.recordInbound(s.text({ participant: people[1] })),
          s.storage.recordOutbound(s.post({ participant: people[0] })),
          s.second.recordOutbound(s.post({ participant: people[1] })),
        ]);
        const ids = answers.map(({ conversation }) => conversation?.id);
        equal(new Set(ids).size, 1, "the conversations");
        const messages = await s.storage.messages({ conversationId: ids[0] ?? "", after: 0, limit: 10 });
        equal(
          messages.map(({ seq }) => seq),
          [1, 2, 3, 4, 5],
          "the positions",
        );
      });
    },
  },
  {
    name: "commitTurn: a reply goes to the form of the number that the provider showed last",
    async run(s) {
      await s.texted({ participant: WITH_NINE });
      const turn = await s.claimed();
      await s.texted({ participant: WITHOUT_NINE, needsAnswer: false });
      const committed = await s.commit(turn);
      ok(committed.outcome === "committed", `expected committed, got ${committed.outcome}`);
      equal(committed.messages[0]?.to, WITHOUT_NINE, "the reply");
      await s.advance(DEBOUNCE_MS);
      equal(await s.claim(), null, "another turn");
    },
  },
];

/** The ids of the conversations of texts from some addresses, in this order. */
async function conversationsOf(s: Scene, addresses: readonly string[]): Promise<readonly (string | undefined)[]> {
  const ids: (string | undefined)[] = [];
  for (const participant of addresses) ids.push((await s.texted({ participant })).conversation?.id);
  return ids;
}

async function participantOf(s: Scene, id: string): Promise<string | undefined> {
  return (await s.storage.conversation(id))?.participant;
}

/** A person whose number has two spellings. */
export const spellingCases: readonly StorageCase[] = cases;
