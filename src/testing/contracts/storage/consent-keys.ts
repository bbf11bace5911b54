import type { ConsentKeys } from "../../../storage/storage.ts";
import { equal, ok } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { FREE, PERSON } from "./terms.ts";

/*
 * Consent under several keys: the number, its Messaging Service, and all senders together.
 */

const [NUMBER, OTHER, SERVICE] = ["+15550100001", "+15550100002", `MG${"1".repeat(32)}`];
const ALL = "consent of all senders";

const OPTED_OUT = { state: "opted-out", source: "word" } as const;
const OPTED_IN = { state: "opted-in", source: "word" } as const;

const keyOf = (sender: string): string => `consent at ${sender}`;

/** The consent keys of a call at some senders. */
function at(senders: readonly string[], overrides: Partial<ConsentKeys> = {}): { readonly consents: ConsentKeys } {
  const services = senders.filter((sender) => sender.startsWith("MG")).map(keyOf);
  const own = senders.map(keyOf);
  return {
    consents: { own, services, siblings: [], person: ALL, asksPerson: false, stops: senders, ...overrides },
  };
}

/** The outcome of a `send()` at some senders: `opted-out` if the person has opted out there. */
async function sendingAt(s: Scene, senders: readonly string[], overrides: Partial<ConsentKeys> = {}): Promise<string> {
  const record = { line: senders.at(-1) ?? "", sender: senders[0] ?? "", ...at(senders, overrides) };
  return (await s.posted(record)).outcome;
}

const cases: readonly StorageCase[] = [
  {
    name: "counts an opt-out at the number and at its service, each by itself",
    async run(s) {
      const stop = await s.storage.recordInbound(s.stop(at([NUMBER, SERVICE])));
      equal(stop.consentChanged, true, "consentChanged");
      equal(await sendingAt(s, [NUMBER]), "opted-out", "the number, taken out of the service");
      equal(await sendingAt(s, [SERVICE]), "opted-out", "the service");
      equal(await sendingAt(s, [OTHER, SERVICE]), "opted-out", "another number of the service");
      equal(await sendingAt(s, [OTHER]), "recorded", "another number");
      const again = await s.storage.recordInbound(s.stop(at([OTHER, SERVICE])));
      equal(again.consentChanged, false, "consentChanged of a STOP to another number of the service");
    },
  },
  {
    name: "counts an opt-out at a number that a service has taken in since",
    async run(s) {
      await s.storage.recordInbound(s.stop(at([NUMBER])));
      equal(await sendingAt(s, [NUMBER, SERVICE]), "opted-out", "the number in the service");
      equal(await sendingAt(s, [OTHER, SERVICE]), "recorded", "another number of the service");
      await s.storage.recordInbound(s.start(at([OTHER, SERVICE])));
      equal(await sendingAt(s, [NUMBER, SERVICE]), "opted-out", "after a START to another number of the service");
      const start = await s.storage.recordInbound(s.start(at([NUMBER, SERVICE])));
      equal(start.consentChanged, true, "consentChanged of a START to the number");
      equal(await sendingAt(s, [NUMBER]), "recorded", "the number after its START");
    },
  },
  {
    name: "lifts by a START to a service what was refused through the service, at each of its numbers",
    async run(s) {
      await s.storage.recordInbound(s.stop(at([NUMBER, SERVICE])));
      const start = await s.storage.recordInbound(s.start(at([OTHER, SERVICE])));
      equal(start.consentChanged, true, "consentChanged");
      equal(await sendingAt(s, [NUMBER, SERVICE]), "recorded", "the number in the service");
      equal(await sendingAt(s, [NUMBER]), "opted-out", "the number without the service");
      const stop = await s.storage.recordInbound(s.stop(at([NUMBER])));
      equal(stop.consentChanged, false, "consentChanged of a STOP to the number alone");
      await s.storage.recordInbound(s.start(at([OTHER, SERVICE])));
      equal(await sendingAt(s, [NUMBER, SERVICE]), "opted-out", "the number in the service, after that STOP");
    },
  },
  {
    name: "files what is said to a service for its other numbers too",
    async run(s) {
      await s.storage.recordInbound(s.stop(at([NUMBER, SERVICE], { siblings: [keyOf(OTHER)] })));
      equal(await sendingAt(s, [OTHER]), "opted-out", "another number, taken out of the service");
      await s.storage.recordInbound(s.start(at([NUMBER, SERVICE], { siblings: [keyOf(OTHER)] })));
      equal(await sendingAt(s, [OTHER]), "recorded", "that number after a START to the service");
      await s.storage.recordInbound(s.stop(at([OTHER])));
      await s.storage.recordInbound(s.start(at([NUMBER, SERVICE], { siblings: [keyOf(OTHER)] })));
      equal(await sendingAt(s, [OTHER]), "opted-out", "a number that was refused by itself");
    },
  },
  {
    name: "asks for an opt-out at any sender where an opt-out covers all",
    async run(s) {
      await s.storage.recordInbound(s.stop(at([NUMBER])));
      const all = { asksPerson: true, stops: null };
      equal(await sendingAt(s, [OTHER], all), "opted-out", "another number, covered");
      equal(await sendingAt(s, [OTHER]), "recorded", "another number, not covered");
      const { message } = await s.texted({ sender: OTHER, line: OTHER, ...at([OTHER], all) });
      equal(message?.needsAnswer, false, "needsAnswer of a message to another number");
      await s.storage.recordInbound(s.start({ sender: OTHER, line: OTHER, ...at([OTHER], all) }));
      equal(await sendingAt(s, [OTHER], all), "recorded", "the other number after its START");
      equal(await sendingAt(s, [NUMBER], all), "opted-out", "the number that was refused by itself");
    },
  },
  {
    name: "stops what waits to leave from the senders of an opt-out, in each conversation of the person",
    async run(s) {
      const here = await s.waiting({ line: NUMBER, sender: NUMBER, ...at([NUMBER]) });
      const inService = await s.waiting({ line: SERVICE, sender: NUMBER, ...at([NUMBER, SERVICE]) });
      const otherInService = await s.waiting({ line: SERVICE, sender: OTHER, ...at([OTHER, SERVICE]) });
      const channel = await s.waiting({ line: `whatsapp:${NUMBER}`, sender: `whatsapp:${NUMBER}`, ...at([NUMBER]) });
      const elsewhere = await s.waiting({ line: OTHER, sender: OTHER, ...at([OTHER]) });
      const { cancelled } = await s.storage.recordInbound(s.stop({ line: NUMBER, sender: NUMBER, ...at([NUMBER]) }));
      const stopped = [here, inService, channel];
      equal(cancelled.map(({ id }) => id).toSorted(), stopped.toSorted(), "what the STOP to the number stopped");
      equal(await s.statuses([otherInService, elsewhere]), ["waiting", "waiting"], "what leaves from other senders");
      ok((await s.dueIds()).includes(otherInService), "the next message of the service's conversation is due");
      const through = s.stop({ line: SERVICE, sender: OTHER, ...at([OTHER, SERVICE]) });
      const { cancelled: later } = await s.storage.recordInbound(through);
      equal(
        later.map(({ id }) => id).toSorted(),
        [otherInService, elsewhere].toSorted(),
        "what the STOP through the service stopped",
      );
    },
  },
  {
    name: "asks each key when a message is to leave, also those that its conversation was not filed under",
    async run(s) {
      const id = await s.waiting({ line: SERVICE, sender: NUMBER, ...at([SERVICE]) });
      await s.storage.recordInbound(s.stop({ line: NUMBER, participant: `whatsapp:${PERSON}`, ...at([OTHER]) }));
      await s.storage.recordInbound(s.start({ line: OTHER, sender: OTHER, ...at([OTHER]) }));
      const refused = await s.claimSend(id, at([NUMBER, SERVICE], { own: [keyOf(NUMBER), keyOf(OTHER)] }));
      equal(refused.outcome, "claimed", "a person who opted in again");
      await s.accept(id);
      const next = await s.waiting({ line: SERVICE, sender: NUMBER, ...at([SERVICE]) });
      const stop = s.stop({ line: NUMBER, sender: NUMBER, ...at([NUMBER], { stops: [] }) });
      await s.storage.recordInbound(stop);
      equal((await s.claimSend(next, at([SERVICE, NUMBER]))).outcome, "cancelled", "a person who refused the number");
    },
  },
  {
    name: "files a refused send under each key, unless the person has opted in since at one of them",
    async run(s) {
      const asked = at([NUMBER, SERVICE]);
      const id = await s.waiting({ line: SERVICE, sender: NUMBER, ...asked });
      const attempt = await s.sending(id, asked);
      const error = { code: 21610, reason: "The person has opted out." };
      const result = { kind: "refused", next: "opt-out", retryInMs: 0, error } as const;
      const delivery = await s.storage.recordSend({ callId: s.id("call"), outboundId: id, attempt, result, ...asked });
      equal(delivery.consentChanged, true, "consentChanged");
      equal(await sendingAt(s, [NUMBER]), "opted-out", "the number");
      equal(await sendingAt(s, [SERVICE]), "opted-out", "the service");
      await s.storage.recordInbound(s.start({ line: SERVICE, sender: NUMBER, ...asked }));
      const late = await s.waiting({ line: SERVICE, sender: NUMBER, ...asked });
      await s.sending(late, asked);
      await s.advance(1_000);
      await s.storage.recordInbound(s.start({ line: SERVICE, sender: OTHER, ...at([OTHER, SERVICE]) }));
      const callback = s.callbackOf(late, "failed", { error, optOut: true, ...asked });
      equal((await s.storage.recordStatus(callback)).consentChanged, false, "a refusal from before the START");
      equal(await sendingAt(s, [NUMBER, SERVICE]), "recorded", "the number after it");
    },
  },
  {
    name: "lets an answer lift what the provider blocks, and no refusal in other words",
    async run(s) {
      const yes = (senders: readonly string[]) =>
        s.start({ body: "YES", needsAnswer: true, consent: { ...OPTED_IN, whereBlocked: true }, ...at(senders) });
      const blocked = (senders: readonly string[]) =>
        s.stop({ consent: { ...OPTED_OUT, providerBlocks: true }, ...at(senders) });
      const first = await s.storage.recordInbound(yes([NUMBER]));
      equal(first.consentChanged, false, "consentChanged for a person who refused nothing");
      equal(await s.storage.consent(keyOf(NUMBER)), null, "the consent of a person who refused nothing");
      await s.storage.recordInbound(s.stop(at([NUMBER])));
      const after = await s.storage.recordInbound(yes([NUMBER]));
      equal([after.consentChanged, after.message?.needsAnswer], [false, false], "after a refusal in other words");
      await s.storage.recordInbound(blocked([NUMBER]));
      equal((await s.storage.consent(keyOf(NUMBER)))?.providerBlocks, true, "whether the provider blocks");
      const lifted = await s.storage.recordInbound(yes([NUMBER]));
      equal(
        [lifted.consentChanged, lifted.message?.needsAnswer],
        [true, true],
        "after a STOP that the provider blocks",
      );
      equal((await s.storage.consent(keyOf(NUMBER)))?.providerBlocks, undefined, "whether it blocks after that");
      await s.storage.recordInbound(s.stop(at([NUMBER])));
      await s.storage.recordInbound(blocked([OTHER, SERVICE]));
      await s.storage.recordInbound(yes([NUMBER, SERVICE]));
      equal(await sendingAt(s, [SERVICE]), "opted-out", "a number refused in other words, and a service blocked");
    },
  },
  {
    name: "files the confirmation of an opt-out once, as a message that passes the opt-out, a pause and the order",
    async run(s) {
      const confirming = () => ({ confirmation: { ...s.part(s.id("s"), "You are out."), expiryMs: 300_000 } });
      const earlier = await s.waiting();
      await s.sending(earlier);
      const callId = s.id("call");
      const stop = s.stop({ callId, ...confirming() });
      const { confirmation, message } = await s.storage.recordInbound(stop);
      const id = confirmation?.id ?? "";
      equal(
        [confirmation?.origin, confirmation?.status, confirmation?.to, confirmation?.groupId],
        ["system", "waiting", PERSON, id],
        "the confirmation",
      );
      equal(await s.second.recordInbound(stop), await s.storage.recordInbound(stop), "the same call's answer");
      equal((await s.storage.recordInbound(s.stop(confirming()))).confirmation, undefined, "that of a second STOP");
      await s.pause(message?.conversationId ?? "", { paused: true });
      equal(await s.dueIds(), [id], "what is due");
      equal((await s.claimSend(id, { conditions: { ...FREE, consent: false } })).outcome, "claimed", "its admission");
      await s.storage.recordInbound(s.start());
      equal((await s.storage.recordInbound(s.start(confirming()))).confirmation, undefined, "that of a START");
      const again = await s.storage.recordInbound(s.stop(confirming()));
      await s.storage.recordInbound(s.start());
      const late = await s.claimSend(again.confirmation?.id ?? "", { conditions: { ...FREE, consent: false } });
      equal(late.outcome, "cancelled", "its admission after a START");
      const last = await s.storage.recordInbound(s.stop(confirming()));
      await s.advance(300_001);
      const old = await s.claimSend(last.confirmation?.id ?? "", { conditions: { ...FREE, consent: false } });
      equal(old.outcome, "cancelled", "its admission after its time");
    },
  },
];

export const consentKeyCases: readonly StorageCase[] = cases;
