import { equal } from "./assert.ts";
import type { StorageCase } from "./scene.ts";
import { consentKeyOf, PERSON } from "./terms.ts";

const REPEATED_STOP = "recordInbound: the same call gets its first answer, with the consent and what it stopped";
const REPEATED_SEND = "recordOutbound: the same call gets its first answer";
const CALLS_AT_ONCE = "recordInbound: of two calls at once with one id, both get the one answer";

/** Calls that are repeated after their commit, because the answer was lost. */
export const callCases: readonly StorageCase[] = [
  {
    name: REPEATED_STOP,
    async run(s) {
      const waiting = await s.waiting();
      const stop = { ...s.stop(), callId: s.id("call") };
      const first = await s.storage.recordInbound(stop);
      equal([first.consentChanged, first.cancelled.map(({ id }) => id)], [true, [waiting]], "the first answer");
      equal(await s.storage.recordInbound(stop), first, "the same call's answer");
      equal(await s.second.recordInbound(stop), first, "its answer on another handle");
      const again = await s.storage.recordInbound({ ...stop, callId: s.id("call") });
      equal([again.outcome, again.consentChanged, again.cancelled], ["repeated", false, []], "another call's answer");
      await s.storage.recordInbound(s.start());
      equal(await s.storage.recordInbound(stop), first, "the same call's answer after a START");
      equal((await s.storage.consent(consentKeyOf(PERSON)))?.state, "opted-in", "consent");
    },
  },
  {
    name: REPEATED_SEND,
    async run(s) {
      const post = { ...s.post(), callId: s.id("call") };
      const first = await s.storage.recordOutbound(post);
      equal(await s.second.recordOutbound(post), first, "the same call's answer");
      equal(
        (await s.storage.recordOutbound({ ...post, callId: s.id("call") })).outcome,
        "repeated",
        "another call's answer",
      );
    },
  },
  {
    name: CALLS_AT_ONCE,
    async run(s) {
      const stop = { ...s.stop(), callId: s.id("call") };
      const [one, other] = await Promise.all([s.storage.recordInbound(stop), s.second.recordInbound(stop)]);
      equal([one.outcome, one.consentChanged], ["recorded", true], "the first answer");
      equal(other, one, "the second answer");
    },
  },
  {
    name: "does not wait for an earlier text any longer once that one moves",
    async run(s) {
      const [unknown, waiting] = [await s.waiting(), await s.waiting()];
      await s.sending(unknown);
      await s.lose(unknown);
      equal((await s.claimSend(waiting)).outcome, "waiting", "the later text");
      await s.resolve(unknown, "resend");
      equal(await s.dueIds(), [unknown], "what is due then");
      await s.accept(unknown, await s.sending(unknown));
      equal(await s.dueIds(), [waiting], "what is due at once");
    },
  },
];
