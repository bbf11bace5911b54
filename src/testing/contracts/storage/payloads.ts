import { equal, ok, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { FREE } from "./terms.ts";

/** Texts that databases often store wrongly. */
const BODIES: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["quotes", `O'Brien said "hi" -- '; drop table messages; \\' \\\\ \``],
  ["wildcards", "100% _sure_ *? %s %00 $1 :name ?1 {{x}}"],
  ["a NUL", "before\0after"],
  ["emoji", "👍🏽👨‍👩‍👧‍👦🇨🇭 é é"],
  ["a lone surrogate's neighbours", "\ud83d\ude00 \u{10ffff} \ufeff \uffff"],
  ["control characters", "\t\r\n\u0001\u001b\u2028\u2029"],
  ["JSON", '{"a":[1,null,"\\u0000"]}'],
  ["a number", "007"],
  ["null as a word", "null"],
  ["64 kB", "ü".repeat(32 * 1024)],
];

/** A ledger opens, and returns texts as they were stored. */
export const payloadCases: readonly StorageCase[] = [
  {
    name: "opens as often as one likes, with one secret",
    async run(s) {
      await Promise.all([s.storage.migrate(), s.second.migrate(), s.storage.migrate()]);
      const opened = await Promise.all([s.storage.open(), s.second.open(), s.storage.open()]);
      const secrets = new Set(opened.map(({ secret }) => secret));
      equal(secrets.size, 1, "secrets");
      ok(
        [...secrets].every((secret) => secret.length >= 32),
        "the secret is shorter than 32 characters",
      );
      const { message } = await s.texted();
      await s.second.migrate();
      present(await s.second.story(present(message, "the text").id), "the text after another migration");
    },
  },
  {
    name: "gives every body back as it was",
    async run(s) {
      for (const [what, body] of BODIES) {
        const recorded = await s.texted({ body });
        equal(recorded.message?.body, body, `a text with ${what}`);
        const post = await s.posted({ parts: [s.part(s.id("o"), body)] });
        const id = present(post.messages[0], "the text of ours").id;
        equal([post.messages[0]?.body, (await s.outbound(id)).body], [body, body], `a text of ours with ${what}`);
      }
      const claimed = await s.claimed();
      equal(
        claimed.messages.map(({ body }) => body),
        BODIES.map(([, body]) => body),
        "the texts to answer",
      );
      const parts = BODIES.map(([, body], at) => s.part(`${claimed.turn.id}-${at + 1}`, body));
      const { messages } = await s.commit(claimed, { parts });
      equal(
        messages.map(({ body }) => body),
        parts.map(({ body }) => body),
        "the reply",
      );
      const { conversationId } = present(messages[0], "the reply");
      const all = await s.storage.messages({ conversationId, after: 0, limit: 1_000 });
      const inbound = all.filter(({ direction }) => direction === "inbound").map(({ body }) => body);
      equal(
        inbound,
        BODIES.map(([, body]) => body),
        "the messages",
      );
    },
  },
  {
    name: "gives pictures, encodings, segments and errors back as they were",
    async run(s) {
      const media = [
        { url: "https://example.com/a.jpg?x=1&y='2'", contentType: "image/jpeg" },
        { url: "https://example.com/b", contentType: "" },
      ];
      equal((await s.texted({ media, body: "" })).message?.media, media, "a text's pictures");
      const part = { ...s.part(s.id("o")), media, encoding: "UCS-2" as const, segments: 7 };
      const autoReply = { ...part, id: s.id("a"), conditions: FREE };
      const replied = present((await s.texted({ autoReply })).autoReply, "the auto-reply");
      const posted = present((await s.posted({ parts: [part] })).messages[0], "the text of ours");
      for (const message of [replied, posted, await s.outbound(posted.id)]) {
        equal([message.media, message.encoding, message.segments], [media, "UCS-2", 7], "a text of ours");
      }
      await s.sent(posted.id);
      const error = { code: null, reason: `It's "100%" broken\0.` };
      const delivery = await s.callback(posted.id, "failed", { error, rawStatus: "f'ailed" });
      equal(delivery.message?.error, error, "the error");
      const event = (await s.storyOf(posted.id)).attempts[0]?.events[1];
      equal([event?.error, event?.rawStatus], [error, "f'ailed"], "the event");
    },
  },
  {
    name: "keeps addresses and keys apart that only look alike",
    async run(s) {
      const people = ["whatsapp:+15550199001", "+15550199001", "+15550199001 ", "Ünï'cöde%", "ÜNÏ'CÖDE%", "a_b", "aXb"];
      const ids = new Set<string | undefined>();
      for (const participant of people) ids.add((await s.texted({ participant })).conversation?.id);
      equal(ids.size, people.length, "conversations");
      const keys = ["key", "KEY", "key ", "k%y", "k_y"];
      for (const key of keys)
        equal((await s.texted({ key })).outcome, "recorded", `the text under ${JSON.stringify(key)}`);
      for (const key of keys)
        equal((await s.posted({ key })).outcome, "recorded", `the send() under ${JSON.stringify(key)}`);
    },
  },
  {
    name: "answers 250 texts in one turn with 120 parts",
    async run(s) {
      for (let text = 0; text < 250; text += 1) await s.storage.recordInbound(s.text({ body: `Text ${text}` }));
      const claimed = await s.claimed();
      equal(
        claimed.messages.map(({ body }) => body),
        Array.from({ length: 250 }, (_, text) => `Text ${text}`),
        "texts",
      );
      const { messages, conversation } = await s.commit(claimed, { parts: s.parts(120, claimed.turn.id) });
      equal(
        messages.map(({ seq }) => seq),
        Array.from({ length: 120 }, (_, part) => 251 + part),
        "places",
      );
      equal(conversation?.answeredSeq, 250, "answeredSeq");
    },
  },
];
