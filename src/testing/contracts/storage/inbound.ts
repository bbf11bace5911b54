import { equal, ok, present } from "./assert.ts";
import { race } from "./race.ts";
import type { StorageCase } from "./scene.ts";
import { consentKeyOf, DEBOUNCE_MS, LINE, MAX_WAIT_MS, PERSON } from "./terms.ts";

/** Recording a text from a person, and when its answer is due. */
export const inboundCases: readonly StorageCase[] = [
  {
    name: "records a text with a conversation of its own",
    async run(s) {
      const record = s.text({ body: "Two at eight?", occurredAt: 1_700_000_000_000 });
      const { outcome, message, conversation, autoReply, cancelled, consentChanged } =
        await s.storage.recordInbound(record);
      equal(outcome, "recorded", "outcome");
      equal(
        { autoReply, cancelled, consentChanged },
        { autoReply: null, cancelled: [], consentChanged: false },
        "rest",
      );
      const { createdAt, ...stored } = present(message, "the message");
      equal(
        stored,
        {
          id: record.messageId,
          conversationId: record.conversationId,
          seq: 1,
          changedSeq: 1,
          direction: "inbound",
          origin: "webhook",
          from: PERSON,
          to: LINE,
          providerMessageId: record.providerMessageId,
          body: "Two at eight?",
          media: [],
          needsAnswer: true,
          occurredAt: 1_700_000_000_000,
        },
        "the message",
      );
      equal(
        conversation,
        {
          id: record.conversationId,
          line: LINE,
          sender: LINE,
          participant: PERSON,
          paused: false,
          seq: 1,
          inboundSeq: 1,
          answeredSeq: 0,
          createdAt,
          updatedAt: createdAt,
        },
        "the conversation",
      );
      equal(await s.storage.conversation(record.conversationId), conversation, "the conversation, read again");
      equal(await s.storage.consent(consentKeyOf(PERSON)), null, "consent of a person who never said");
    },
  },
  {
    name: "puts later texts of a person on a line into the same conversation, and replies from the number texted last",
    async run(s) {
      const first = await s.texted();
      const second = await s.texted({ sender: "+15550100002" });
      equal(second.conversation?.id, first.conversation?.id, "conversation");
      equal(second.conversation?.sender, "+15550100002", "sender");
      equal(second.message?.to, "+15550100002", "the number that was texted");
      equal(second.message?.seq, 2, "seq");
      const elsewhere = await s.texted({ line: "+15550100002" });
      ok(elsewhere.conversation?.id !== first.conversation?.id, "another line is another conversation");
      const another = await s.texted({ participant: "+15550199002" });
      ok(another.conversation?.id !== first.conversation?.id, "another person is another conversation");
    },
  },
  {
    name: "takes the storage's time where the provider does not say when a text was written",
    async run(s) {
      const { message } = await s.texted({ occurredAt: null });
      equal(message?.occurredAt, message?.createdAt, "occurredAt");
    },
  },
  {
    name: "records a repeated key once and returns the first text",
    async run(s) {
      const first = await s.texted({ key: "account:SM1" });
      await s.texted();
      const before = await s.snapshot();
      const again = await s.texted({
        key: "account:SM1",
        body: "Another body",
        consent: { state: "opted-out", source: "word" },
      });
      equal(again.outcome, "repeated", "outcome");
      equal(again.message, first.message, "the first text");
      equal(again.conversation?.seq, 2, "the conversation as it is now");
      equal([again.cancelled, again.consentChanged], [[], false], "what a repetition changes");
      equal(await s.snapshot(), before, "the ledger after a repetition");
    },
  },
  {
    name: "records a key once when two handles race for it",
    async run(s) {
      await race(6, async (round, stagger) => {
        const key = `account:race${round}`;
        const participant = `+1555020${round}`;
        const answers = await Promise.all(
          [s.storage, s.second].map(async (handle, side) => {
            const record = s.text({ key, participant });
            await stagger(side === 0 ? 0 : 1);
            return handle.recordInbound(record);
          }),
        );
        equal(answers.map(({ outcome }) => outcome).toSorted(), ["recorded", "repeated"], "outcomes");
        equal(answers[0]?.message, answers[1]?.message, "both see the same text");
        const conversationId = present(answers[0]?.message, "the text").conversationId;
        const messages = await s.storage.messages({ conversationId, after: 0, limit: 10 });
        equal(messages.length, 1, "rows");
      });
      const { conversations } = await s.storage.conversations({ limit: 100 });
      equal(conversations.length, 6, "conversations");
    },
  },
  {
    name: "gives racing texts of one conversation a place each",
    async run(s) {
      const handles = [s.storage, s.second];
      const records = Array.from({ length: 12 }, () => s.text());
      const answers = await Promise.all(
        records.map((record, index) => present(handles[index % 2], "a handle").recordInbound(record)),
      );
      const places = answers.map(({ message }) => present(message, "the text").seq);
      equal(
        places.toSorted((a, b) => a - b),
        records.map((_, index) => index + 1),
        "places",
      );
      equal(new Set(answers.map(({ conversation }) => conversation?.id)).size, 1, "conversations");
    },
  },
  {
    name: "lets a conversation rest for the debounce, anew with each text",
    async run(s) {
      await s.texted();
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS, "after the first text");
      await s.advance(2_000);
      await s.texted();
      const { turns, nextInMs } = await s.due(10);
      equal(turns, false, "a turn during the debounce");
      s.near(nextInMs, DEBOUNCE_MS, "after the second text");
      equal(await s.claim(), null, "a claim during the debounce");
      await s.advance(DEBOUNCE_MS);
      equal((await s.due(10)).turns, true, "a turn after the debounce");
      equal((await s.claim())?.messages.length, 2, "texts in the turn");
    },
  },
  {
    name: "answers a fast texter after the maximum wait",
    async run(s) {
      for (let text = 0; text < 5; text += 1) {
        await s.texted();
        await s.advance(2_000);
      }
      equal((await s.due(10)).turns, true, `a turn ${MAX_WAIT_MS} ms after the first text`);
      await s.texted();
      equal((await s.due(10)).turns, true, "a later text does not move it");
      s.near((await s.claim())?.waitedMs ?? null, 10_000, "waitedMs");
    },
  },
  {
    name: "is not due for a text that needs no answer",
    async run(s) {
      const { message, conversation } = await s.texted({ needsAnswer: false });
      equal(message?.needsAnswer, false, "needsAnswer");
      equal(conversation?.answeredSeq, 0, "answeredSeq");
      const { turns, nextInMs } = await s.due(10);
      equal({ turns, nextInMs }, { turns: false, nextInMs: null }, "due");
      await s.texted();
      await s.advance(1_000);
      await s.texted({ needsAnswer: false });
      s.near((await s.due(10)).nextInMs, DEBOUNCE_MS - 1_000, "the due time of the text before");
      const claimed = await s.claimed();
      equal(
        claimed.messages.map(({ seq }) => seq),
        [2],
        "the texts to answer",
      );
      equal(claimed.turn.throughSeq, 2, "throughSeq");
    },
  },
  {
    name: "is due at once for a text without a debounce",
    async run(s) {
      await s.texted({ debounceMs: 0 });
      equal((await s.due(10)).turns, true, "a turn");
    },
  },
  {
    name: "keeps a simulated text apart from the provider",
    async run(s) {
      const { message } = await s.texted({ origin: "simulated", providerMessageId: null, key: "simulated:click-1" });
      equal([message?.origin, message?.providerMessageId], ["simulated", null], "origin and provider's id");
    },
  },
];
