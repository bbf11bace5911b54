import { equal, present } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { consentKeyOf, PERSON } from "./terms.ts";

/** A STOP that is found late, by the search for lost webhooks. */
export const lateConsentCases: readonly StorageCase[] = [
  {
    name: "does not let a STOP that was found late undo the START that followed it",
    async run(s) {
      const before = present((await s.texted({ needsAnswer: false })).message, "a text").createdAt;
      await s.advance(60_000);
      await s.storage.recordInbound(s.stop());
      await s.storage.recordInbound(s.start());
      const waiting = await s.waiting();
      const unanswered = present((await s.texted()).message, "a text that waits");
      const consent = await s.storage.consent(consentKeyOf(PERSON));
      await s.advance(60_000);
      const late = await s.storage.recordInbound(lateStop(s, before));
      equal([late.outcome, late.consentChanged, late.cancelled], ["recorded", false, []], "the late STOP");
      equal(late.message?.body, "STOP", "it is recorded all the same");
      equal(await s.storage.consent(consentKeyOf(PERSON)), consent, "consent");
      equal(await s.statuses([waiting]), ["waiting"], "what waits to be sent");
      equal((await s.claim())?.messages, [unanswered], "what waits for an answer");
    },
  },
  {
    name: "does not let it undo that START where the person was opted in before the STOP, too",
    async run(s) {
      await s.storage.recordInbound(s.start());
      const first = present(await s.storage.consent(consentKeyOf(PERSON)), "consent").changedAt;
      await s.advance(60_000);
      const stopped = present((await s.texted({ needsAnswer: false })).message, "a text").createdAt;
      await s.advance(60_000);
      const again = await s.storage.recordInbound(s.start());
      const { state, changedAt } = present(await s.storage.consent(consentKeyOf(PERSON)), "consent");
      equal([again.consentChanged, state, changedAt > first], [false, "opted-in", true], "the second START");
      const late = await s.storage.recordInbound(lateStop(s, stopped));
      equal(late.consentChanged, false, "the late STOP");
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-in", "consent");
    },
  },
  {
    name: "lets a STOP that was found late count where no START came after it",
    async run(s) {
      await s.storage.recordInbound(s.start());
      const { changedAt } = present(await s.storage.consent(consentKeyOf(PERSON)), "consent");
      await s.advance(60_000);
      const waiting = await s.waiting();
      const late = await s.storage.recordInbound(lateStop(s, changedAt));
      equal([late.consentChanged, late.cancelled.map(({ id }) => id)], [true, [waiting]], "the late STOP");
      const filed = present(await s.storage.consent(consentKeyOf(PERSON)), "consent");
      equal(
        filed,
        { state: "opted-out", source: "word", changedAt: present(late.message, "STOP").createdAt },
        "consent, without anything else in it",
      );
      const start = await s.storage.recordInbound(s.start());
      equal(
        [start.consentChanged, (await s.storage.consent(consentKeyOf(PERSON)))?.state],
        [true, "opted-in"],
        "START",
      );
    },
  },
  {
    name: "lets a STOP that was found late count where nothing is known about the person, or an opt-out",
    async run(s) {
      const first = await s.storage.recordInbound(lateStop(s, 0));
      equal(first.consentChanged, true, "of a new person");
      const filed = await s.storage.consent(consentKeyOf(PERSON));
      await s.advance(60_000);
      const again = await s.storage.recordInbound(lateStop(s, 0));
      equal(again.consentChanged, false, "of a person who opted out");
      equal(await s.storage.consent(consentKeyOf(PERSON)), filed, "consent");
      equal(again.conversation?.answeredSeq, again.message?.seq ?? 0, "answeredSeq");
    },
  },
];

function lateStop(s: Scene, unlessSince: number) {
  return s.stop({ consent: { state: "opted-out", source: "word", unlessSince } });
}
