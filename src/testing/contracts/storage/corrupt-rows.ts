import { equal, ok, present } from "./assert.ts";
import { corruptCallCases } from "./corrupt-calls.ts";
import { LOOK_AGAIN_MS, personOf, texted, textOf } from "./corrupt-scene.ts";
import type { CorruptedRow } from "./harness.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { LEASE_MS, SCOPE } from "./terms.ts";

/** More conversations than a claim of one turn loads as candidates. */
const MANY = 6;

/** Conversations with an unanswered text and an unreadable row, one case for each kind of row. */
const UNCLAIMABLE: readonly { readonly what: string; brk(s: Scene, conversationId: string): Promise<CorruptedRow> }[] =
  [
    { what: "itself", brk: (s, id) => s.corrupt("conversations", id) },
    { what: "its text", brk: async (s, id) => s.corrupt("messages", await textOf(s, id)) },
    {
      what: "its open turn",
      async brk(s, id) {
        const claimed = present(await s.claim(), "the turn that is due first");
        equal(claimed.conversation.id, id, "whose turn it is");
        await s.release(claimed, { reason: "stopped", retryInMs: 0 });
        return s.corrupt("turns", claimed.turn.id);
      },
    },
  ];

export const corruptRowCases: readonly StorageCase[] = [
  ...UNCLAIMABLE.map(
    ({ what, brk }): StorageCase => ({
      name: `claims the turns behind those of conversations that cannot be read: ${what}`,
      async run(s) {
        const conversations = await texted(s, MANY + 2);
        for (const id of conversations.slice(0, MANY)) await brk(s, id);
        const claim = { callId: s.id("call"), scope: SCOPE, workerId: "w1", leaseMs: LEASE_MS, limit: 1 };
        const [first] = await s.storage.claimTurns(claim);
        equal(first?.conversation.id, conversations[MANY], "the first that can be read");
        equal((await s.storage.claimTurns(claim))[0]?.fence, first?.fence, "a repetition");
        equal((await s.claim())?.conversation.id, conversations[MANY + 1], "the second one");
        equal(await s.claim(), null, "one more");
        const { turns, nextInMs } = await s.due(10);
        ok(!turns && nextInMs !== 0, "what is left alone is not due");
        equal(new Set(s.storage.problems.map(({ row }) => row?.conversationId)).size, MANY, "reported");
      },
    }),
  ),
  {
    name: "claims a conversation a minute after its row was mended, and looks at it no sooner",
    async run(s) {
      const [id = ""] = await texted(s, 1);
      const { column, mend } = await s.corrupt("messages", await textOf(s, id));
      equal(await s.claim(), null, "a turn");
      equal(
        s.storage.problems.map(({ row }) => row?.column),
        [column],
        "the column that is reported",
      );
      await mend();
      equal([await s.claim(), (await s.due(10)).turns], [null, false], "before the minute");
      await s.advance(LOOK_AGAIN_MS);
      equal((await s.due(10)).turns, true, "due after the minute");
      equal((await s.claim())?.conversation.id, id, "the turn");
      equal(s.storage.problems, [], "what is left to report");
    },
  },
  {
    name: "keeps what is left alone so for as long as its row cannot be read, and reports it once",
    async run(s) {
      const [id = ""] = await texted(s, 1);
      await s.corrupt("messages", await textOf(s, id));
      for (let minutes = 0; minutes < 3; minutes += 1) {
        equal(await s.claim(), null, "a turn");
        equal((await s.due(10)).nextInMs, null, "when something is due");
        equal(s.storage.problems.length, 1, "what is reported");
        await s.advance(LOOK_AGAIN_MS);
      }
    },
  },
  {
    name: "gives the messages that are due behind those that cannot be read",
    async run(s) {
      const ids: string[] = [];
      for (let number = 1; number <= 6; number += 1) {
        ids.push(await s.waiting({ participant: personOf(number) }));
        await s.advance(10);
      }
      const [one = "", other = "", third = "", fourth = "", ...whole] = ids;
      await s.lose(fourth, await s.sending(fourth));
      await s.advance(300_000);
      await s.corrupt("messages", one);
      await s.corrupt("messages", other);
      await s.corrupt("conversations", (await s.outbound(third)).conversationId);
      await s.corrupt("attempts", `${fourth} 1`);
      const { messages, nextInMs } = await s.due(3);
      equal(
        messages.map(({ message }) => message.id),
        whole,
        "due",
      );
      equal(nextInMs, null, "what comes later");
      equal(s.storage.problems.length, 4, "reported");
    },
  },
  {
    name: "reclaims what expired workers hold beside rows that cannot be read, and keeps the worker's own leases",
    async run(s) {
      await texted(s, 4);
      const [broken, whole] = [present(await s.claim("gone"), "a turn"), present(await s.claim("gone"), "a turn")];
      const [lost, kept] = [present(await s.claim("w2"), "a turn"), present(await s.claim("w2"), "a turn")];
      const [one, other] = [
        await s.waiting({ participant: personOf(11) }),
        await s.waiting({ participant: personOf(12) }),
      ];
      for (const id of [one, other]) await s.sending(id, { workerId: "gone" });
      await s.corrupt("turns", broken.turn.id);
      await s.corrupt("turns", lost.turn.id);
      await s.corrupt("attempts", `${one} 1`);
      await s.advance(LEASE_MS + 1);
      const { leases, recovered, unsettled } = await s.heartbeat({ workerId: "w2" });
      equal(
        leases.map(({ turnId }) => turnId),
        [kept.turn.id],
        "its own lease",
      );
      equal([recovered, unsettled.map(({ id }) => id)], [1, [other]], "reclaimed");
      equal((await s.claim("w2"))?.turn.id, whole.turn.id, "the turn that runs again");
      ok(
        (await s.due(10, { workerId: "w2" })).nextInMs !== 0,
        "what an expired worker holds there is not due for ever",
      );
      await s.heartbeat({ workerId: "w2" });
      equal((await s.commit(kept, { workerId: "w2" })).outcome, "committed", "its commit");
    },
  },
  {
    name: "takes over what a worker holds only when the worker's row can be read, and what others hold at once",
    async run(s) {
      await texted(s, 2);
      const [held, other] = [present(await s.claim("gone"), "a turn"), present(await s.claim("lost"), "a turn")];
      const { column, mend } = await s.corrupt("workers", "gone");
      await s.advance(LEASE_MS + 1);
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 1, "what is taken over");
      equal((await s.claim("w2"))?.turn.id, other.turn.id, "the other worker's turn");
      ok((await s.due(10, { workerId: "w2" })).nextInMs !== 0, "what the worker holds is not due for ever");
      equal(
        s.storage.problems.map(({ row }) => [row?.table, row?.id, row?.column]),
        [["workers", "gone", column]],
        "reported",
      );
      await mend();
      equal((await s.heartbeat({ workerId: "w2" })).recovered, 1, "what is taken over when the row is mended");
      equal((await s.claim("w2"))?.turn.id, held.turn.id, "its turn");
    },
  },
  {
    name: "marks as unknown what is behind messages that cannot be read",
    async run(s) {
      const ids: string[] = [];
      for (let number = 1; number <= 4; number += 1) {
        ids.push(await s.waiting({ participant: personOf(number) }));
        await s.advance(10);
      }
      const [one = "", other = "", ...whole] = ids;
      await s.corrupt("messages", one);
      await s.corrupt("messages", other);
      const marked: string[] = [];
      for (;;) {
        const rows = await s.storage.markUnknown({ callId: s.id("call"), scope: SCOPE, limit: 1, lookInMs: 0 });
        if (rows.length === 0) break;
        marked.push(...rows.map(({ id }) => id));
      }
      equal(marked, whole, "marked");
    },
  },
  ...corruptCallCases,
];
