import type { ConsentChange } from "../../../storage/storage.ts";
import { equal, ok, present } from "./assert.ts";
import { ahead } from "./clocks.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { consentKeyOf, LEASE_MS, PERSON, UNKNOWN_WINDOW_MS } from "./terms.ts";

const MONTH_MS = 30 * 86_400_000;
const MINUTES_MS = 5 * 60_000;

/**
 * Times that a clock ahead wrote prove nothing. The ledger must not conclude from them that a message never left, or
 * that a STOP is old.
 */
export const clockEvidenceCases: readonly StorageCase[] = [
  {
    name: "says that an attempt began before now which a clock that was ahead began, for as long as its state is unknown",
    async run(s) {
      for (const byMs of [MONTH_MS, MINUTES_MS]) {
        const participant = `+1555${s.id("040")}`;
        const [made] = await s.waitingMessages(1, { participant, expiryMs: 2 * MONTH_MS });
        const { id, createdAt } = present(made, "a text");
        await ahead(s, byMs, async () => {
          await s.sending(id);
          await s.lose(id);
        });
        const unknown = await unknownOf(s, id);
        s.near(unknown.forMs, 0, "forMs");
        const [attempt] = unknown.attempts;
        equal(attempt?.startedAfter, createdAt, "startedAfter");
        ok((attempt?.startedAt ?? 0) < createdAt + byMs - 60_000, "startedAt");
        const competingAttempts = await s.storage.competingAttempts({ outboundId: id, providerMessageIds: [] });
        equal(
          competingAttempts.attempts.map(({ startedAfter }) => startedAfter),
          [createdAt],
          "startedAfter of the competing attempt",
        );
        await s.sendResult(id, 1, { kind: "unseen", lookInMs: 0, asOf: null });
        await s.advance(2 * MINUTES_MS);
        const later = await unknownOf(s, id);
        s.near(later.forMs, 2 * MINUTES_MS, "forMs goes on");
        const [same] = later.attempts;
        equal(same?.startedAfter, createdAt, "startedAfter stays");
        s.near((same?.startedAt ?? 0) - (attempt?.startedAt ?? 0), 0, "startedAt stays");
        await s.resolve(id, "drop");
      }
    },
  },
  {
    name: "knows no beginning of an attempt where a clock that was ahead made its conversation, too",
    async run(s) {
      const id = await ahead(s, MONTH_MS, async () => {
        const made = await s.waiting();
        await s.sending(made);
        await s.lose(made);
        return made;
      });
      equal((await unknownOf(s, id)).attempts[0]?.startedAfter, 0, "startedAfter");
      const reply = await ahead(s, MONTH_MS, async () => {
        const made = await s.waiting({ participant: "+15550199002" });
        await s.sending(made, { workerId: "expired" });
        return made;
      });
      await s.heartbeat({ workerId: "w2" });
      await s.advance(LEASE_MS);
      await s.heartbeat({ workerId: "w2", lookInMs: 0 });
      equal((await unknownOf(s, reply)).attempts[0]?.startedAfter, 0, "startedAfter of an expired worker's");
    },
  },
  {
    name: "counts the time in which a text is unknown from now where a clock that was ahead says when it began",
    async run(s) {
      const id = await s.waiting();
      await s.sending(id);
      await ahead(s, MONTH_MS, () => s.lose(id));
      s.near((await unknownOf(s, id)).forMs, 0, "forMs");
      const lookInMs = UNKNOWN_WINDOW_MS;
      await s.sendResult(id, 1, { kind: "unseen", lookInMs, asOf: 5_000 });
      equal(await s.dueIds(), [], "due before the next look");
      await s.advance(lookInMs);
      const unknown = await unknownOf(s, id);
      s.near(unknown.forMs, UNKNOWN_WINDOW_MS, "forMs");
      equal([unknown.evidenceSince, unknown.attempts[0]?.startedAfter], [5_000, undefined], "what was right stays");
    },
  },
  {
    name: "lets a refusal or a STOP that was found late count although a clock that was ahead filed a START",
    async run(s) {
      for (const say of [refusedSend, lateStop]) {
        await ahead(s, MONTH_MS, () => s.storage.recordInbound(s.start()));
        await s.advance(1_000);
        equal(await say(s), true, `whether the opt-out by ${say.name} counts`);
        equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-out", "consent");
      }
    },
  },
  {
    name: "keeps a STOP that a clock filed which was ahead, until the START that follows it",
    async run(s) {
      await ahead(s, MONTH_MS, () => s.storage.recordInbound(s.stop()));
      equal((await s.posted()).outcome, "opted-out", "a send() after the STOP");
      await s.storage.recordInbound(s.start());
      const id = await s.waiting();
      await s.sending(id);
      const stop = { state: "opted-out", source: "word", unlessSince: 0 } as const;
      equal((await s.storage.recordInbound(s.stop({ consent: stop }))).consentChanged, false, "a STOP from before it");
    },
  },
];

async function unknownOf(s: Scene, id: string) {
  const { messages } = await s.due(10);
  return present(messages.find(({ message }) => message.id === id)?.unknown, `what is known of ${id}`);
}

async function refusedSend(s: Scene): Promise<boolean> {
  const id = await s.waiting();
  await s.sending(id);
  return (await s.refuse(id, "opt-out")).consentChanged;
}

/** Records a STOP that the person sent a second earlier. Returns whether it changed the consent. */
async function lateStop(s: Scene): Promise<boolean> {
  const { createdAt } = present((await s.texted({ needsAnswer: false })).message, "a text");
  await s.advance(1_000);
  const consent: ConsentChange = { state: "opted-out", source: "word", unlessSince: createdAt };
  return (await s.storage.recordInbound(s.stop({ consent }))).consentChanged;
}
