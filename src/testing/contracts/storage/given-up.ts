import { equal, present } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { DEBOUNCE_MS } from "./terms.ts";

const ENDS = "ends a turn that is given up, with its reason, and leaves newer texts due";
const REQUEUED = "requeues a turn that was given up";
const REASONS = "keeps why the last run of a turn failed, and why the fallback text stands in for the answer";

const refused = { code: null, reason: "The ledger refused it." };
const failed = { code: null, reason: "The AI failed." };

/** Turns that are given up, and the reasons why runs failed. */
export const givenUpCases: readonly StorageCase[] = [
  {
    name: ENDS,
    async run(s) {
      const first = present((await s.texted()).message, "the first text");
      const claimed = await s.claimed();
      await s.texted({ body: "Hello?" });
      equal(await s.release(claimed, { reason: "given-up", retryInMs: 0, error: refused }), true, "the release");
      const { turn, conversation, replies } = await s.storyOf(first.id);
      equal([turn?.outcome, turn?.error], ["failed", refused], "the turn");
      equal([conversation.answeredSeq, replies], [claimed.turn.throughSeq, []], "what counts as answered");
      equal(await s.claim(), null, "a claim before the newer text is due");
      await s.advance(DEBOUNCE_MS);
      const next = present(await s.claim(), "the next turn");
      equal([next.messages.map(({ body }) => body), next.turn.error], [["Hello?"], null], "the next turn");
      equal(await s.release(claimed, { reason: "given-up", retryInMs: 0 }), false, "without the lease");
    },
  },
  {
    name: REQUEUED,
    async run(s) {
      await s.texted();
      const claimed = await s.claimed();
      await s.release(claimed, { reason: "given-up", retryInMs: 0, error: refused });
      equal((await s.due(10)).nextInMs, null, "when something is due");
      const turnId = claimed.turn.id;
      equal((await s.storage.requeueTurn({ callId: s.id("call"), turnId })).outcome, "requeued", "the turn");
      const again = present(await s.claim(), "the turn again");
      equal(again.messages, claimed.messages, "its texts");
    },
  },
  {
    name: REASONS,
    async run(s) {
      const message = present((await s.texted()).message, "the text");
      await s.release(await s.claimed(), { retryInMs: 0, error: failed });
      equal((await s.storyOf(message.id)).turn?.error, failed, "after the first run");
      const again = present(await s.claim(), "the turn again");
      equal(again.turn.error, failed, "what the next run gets");
      await s.release(again, { reason: "stopped", retryInMs: 0 });
      equal((await s.storyOf(message.id)).turn?.error, failed, "after a run that did not fail");
      const last = present(await s.claim(), "the turn once more");
      await s.commit(last, { outcome: "fallback", error: refused });
      equal((await s.storyOf(message.id)).turn?.error, refused, "with the fallback text");
    },
  },
];
