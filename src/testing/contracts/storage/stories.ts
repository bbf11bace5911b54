import { equal, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { FREE } from "./terms.ts";

/** The story of one message. */
export const storyCases: readonly StorageCase[] = [
  {
    name: "shows a text that no worker has claimed as waiting",
    async run(s) {
      const { message, conversation } = await s.texted();
      const story = await s.storyOf(present(message, "the text").id);
      equal(story, { message, conversation, turn: null, answers: [], replies: [], attempts: [] }, "the story");
    },
  },
  {
    name: "shows of a text and its reply by which turn, in which attempts, with which callbacks",
    async run(s) {
      const first = present((await s.texted()).message, "the first text");
      const second = present(
        (await s.texted({ autoReply: { ...s.part(s.id("a")), conditions: FREE } })).message,
        "the second",
      );
      const claimed = await s.claimed();
      const { messages } = await s.commit(claimed, { parts: s.parts(2, claimed.turn.id) });
      const [one, two] = [present(messages[0], "1").id, present(messages[1], "2").id];
      await s.sending(one);
      await s.refuse(one, "retry");
      await s.sending(one);
      await s.advance(1_000);
      await s.accept(one, 2, "SM1");
      await s.callback(one, "delivered", { attempt: 2, providerMessageId: "SM1" });

      const story = await s.storyOf(first.id);
      equal([story.turn?.id, story.turn?.outcome, story.turn?.runs], [claimed.turn.id, "replied", 1], "the turn");
      equal(story.answers, [first, second], "the texts that it answers");
      equal(
        story.replies.map(({ id, status }) => [id, status]),
        [
          [one, "delivered"],
          [two, "waiting"],
        ],
        "the replies",
      );
      const shown = story.attempts.map(({ outboundId, attempt, status }) => [outboundId, attempt, status]);
      equal(
        shown,
        [
          [one, 1, "refused"],
          [one, 2, "delivered"],
        ],
        "attempts",
      );
      const [accepted, delivered] = present(story.attempts[1], "the second attempt").events;
      equal(
        accepted,
        {
          providerMessageId: "SM1",
          status: "accepted",
          rawStatus: "accepted",
          error: null,
          at: accepted?.at,
          times: 1,
        },
        "the answer",
      );
      s.near((accepted?.at ?? 0) - present(story.attempts[1], "it").startedAt, 1_000, "the answer's time");
      equal(delivered?.status, "delivered", "the callback");

      const ofSecond = await s.storyOf(second.id);
      equal(
        ofSecond.replies.map(({ origin }) => origin),
        ["auto-reply", "ai", "ai"],
        "replies of the second text, by seq",
      );
      const ofReply = await s.storyOf(one);
      equal([ofReply.turn, ofReply.answers], [story.turn, story.answers], "the reply's turn and what it answers");
      equal([ofReply.replies, ofReply.attempts], [story.replies, story.attempts], "the reply's parts and attempts");
      equal((await s.storyOf(two)).attempts, [], "attempts of a part that has not left");
    },
  },
  {
    name: "shows of a send() its parts, and no turn",
    async run(s) {
      const parts = await s.waitingMessages(2);
      const [first, second] = [present(parts[0], "1"), present(parts[1], "2")];
      await s.sent(first.id);
      const story = await s.storyOf(second.id);
      equal([story.message, story.turn, story.answers, story.attempts], [second, null, [], []], "the second part");
      equal(
        story.replies.map(({ id, status }) => [id, status]),
        [
          [first.id, "accepted"],
          [second.id, "waiting"],
        ],
        "parts",
      );
    },
  },
  {
    name: "shows a text that came while the turn ran as no part of it",
    async run(s) {
      await s.texted();
      await s.claimed();
      const newer = present((await s.texted()).message, "the newer text");
      const { turn, answers } = await s.storyOf(newer.id);
      equal({ turn, answers }, { turn: null, answers: [] }, "the newer text");
    },
  },
];
