import { equal } from "./assert.ts";
import { race } from "./race.ts";
import type { StorageCase } from "./scene.ts";
import { PERSON } from "./terms.ts";

const OTHER_PERSON = "+15550199002";
const ANOTHER_CONTENT = "recordOutbound: a known key with another content is reused, and records nothing";
const ERASED_CONTENT = "recordOutbound: an erased key is erased, with another content too";
const CONTENTS_AT_ONCE = "recordOutbound: of two contents that race for one key, one is recorded";

/** The keys of `send()`: known, erased and concurrent ones. */
export const keyCases: readonly StorageCase[] = [
  {
    name: ANOTHER_CONTENT,
    async run(s) {
      const post = s.post({ content: "one" });
      const { messages } = await s.storage.recordOutbound(post);
      const before = await s.snapshot();
      for (const change of [{ content: "other" }, { content: "other", participant: OTHER_PERSON }]) {
        const reused = await s.second.recordOutbound({ ...post, ...change, groupId: s.id("o"), callId: s.id("call") });
        equal([reused.outcome, reused.messages], ["reused", messages], "another content");
      }
      // The repetition has another group id, which must not be stored.
      const repeated = await s.storage.recordOutbound({ ...post, groupId: s.id("o"), callId: s.id("call") });
      equal([repeated.outcome, repeated.messages], ["repeated", messages], "the same content");
      equal(await s.snapshot(), before, "the ledger");
      equal((await s.storage.recordOutbound(s.post({ content: "other" }))).outcome, "recorded", "another key");
    },
  },
  {
    name: ERASED_CONTENT,
    async run(s) {
      const post = s.post({ content: "one", parts: s.parts(2) });
      await s.storage.recordOutbound(post);
      await s.storage.erase({ callId: s.id("call"), participant: PERSON, line: null });
      for (const content of ["one", "other"]) {
        const { outcome, messages } = await s.storage.recordOutbound({ ...post, content, callId: s.id("call") });
        equal([outcome, messages], ["erased", []], `content ${content}`);
      }
    },
  },
  {
    name: CONTENTS_AT_ONCE,
    async run(s) {
      await race(6, async (round, stagger) => {
        const participants = round < 3 ? [PERSON, PERSON] : [PERSON, OTHER_PERSON];
        const key = s.id("key");
        const posts = participants.map((participant, side) => s.post({ key, participant, content: `side ${side}` }));
        const [one = s.post(), other = s.post()] = posts;
        // Two calls of one process, which may be in one group, and one call of another process.
        const answers = await Promise.all([
          stagger(0).then(() => s.storage.recordOutbound(one)),
          stagger(1).then(() => s.second.recordOutbound(other)),
          s.storage.recordOutbound({ ...other, groupId: s.id("o"), conversationId: s.id("c"), content: "side 3" }),
        ]);
        equal(answers.map(({ outcome }) => outcome).toSorted(), ["recorded", "reused", "reused"], "the outcomes");
        const [first] = answers.map(({ messages }) => messages);
        for (const { messages } of answers) equal(messages, first, "the message of the key");
      });
    },
  },
];
