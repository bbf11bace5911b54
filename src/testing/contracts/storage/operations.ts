import { equal } from "./assert.ts";
import { OPERATIONS } from "./operation-calls.ts";
import type { Scene, StorageCase } from "./scene.ts";

/** A repetition of a call whose answer was lost changes nothing. */
export const operationCases: readonly StorageCase[] = OPERATIONS.flatMap(({ name, prepare }) => [
  {
    name: `${name}: a repetition returns the first answer and changes nothing`,
    async run(s) {
      const call = await prepare(s);
      const first = await call(s.storage);
      const before = await s.snapshot();
      equal(await call(s.storage), first, "the repetition's answer");
      equal(await call(s.second), first, "the repetition's answer on another handle");
      equal(await s.snapshot(), before, "the ledger after the repetitions");
    },
  },
  {
    name: `${name}: a repetition is as harmless after other things happened`,
    async run(s) {
      const call = await prepare(s);
      const first = await call(s.storage);
      await live(s);
      const before = await s.snapshot();
      equal(await call(s.storage), first, "the repetition's answer");
      equal(await s.snapshot(), before, "the ledger after the repetition");
    },
  },
  {
    name: `${name}: of two that race with one call id, one acts and both get its answer`,
    async run(s) {
      const call = await prepare(s);
      const [one, other] = await Promise.all([call(s.storage), call(s.second)]);
      equal(one, other, "the two answers");
      const before = await s.snapshot();
      equal(await call(s.storage), one, "a third answer");
      equal(await s.snapshot(), before, "the ledger after the third");
    },
  },
]);

/** Lets half an hour pass in which turns, messages and consents change. */
async function live(s: Scene): Promise<void> {
  await s.storage.recordInbound(s.start());
  await s.texted();
  for (let minute = 0; minute < 10; minute += 1) {
    await s.advance(180_000);
    const claimed = await s.claim("w9");
    if (claimed !== null) await s.commit(claimed, { workerId: "w9", parts: s.parts(2, claimed.turn.id) });
    for (const { message } of (await s.due(10)).messages) {
      if (message.status === "unknown") await s.resolve(message.id, "resend");
      const answer = await s.claimSend(message.id, { workerId: "w9" });
      if (answer.outcome === "claimed") await s.callback(message.id, "delivered", { attempt: answer.attempt });
    }
    await s.heartbeat({ workerId: "w9" });
  }
}
