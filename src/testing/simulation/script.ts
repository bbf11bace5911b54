import { spellingsOf } from "../../model/person-address.ts";
import type { ReceivedMessage } from "../../transport/transport.ts";
import type { Callers } from "./people.ts";
import type { SimulatedProvider } from "./provider.ts";
import { note, observe, type World } from "./world.ts";

/** One person under one address. Two addresses of one person share their consent. */
export interface Party {
  readonly ours: string;
  readonly theirs: string;
}

const OURS = "+15703251809";

/** The configured senders: a number, and the same number on another channel. */
export const SENDERS: readonly string[] = [OURS, `whatsapp:${OURS}`];

/** The first two are one person on two channels. With `twoSpellings`, people have Brazilian mobile numbers. */
export function partiesOf(count: number, twoSpellings: boolean): readonly Party[] {
  return Array.from({ length: count }, (_, index): Party => {
    const isOnChannel = index % 3 === 1;
    const person = `${twoSpellings ? "+55119876" : "+1234567"}${String(1000 + index - (isOnChannel ? 1 : 0))}`;
    return isOnChannel ? { ours: `whatsapp:${OURS}`, theirs: `whatsapp:${person}` } : { ours: OURS, theirs: person };
  });
}

export interface ScriptOptions {
  readonly parties: readonly Party[];
  readonly texts: number;
}

/** After the last text: no delayed call comes later than this. */
const LAST_LOOK_MS = 60_000;

/**
 * What people do: they text in bursts, type in the app, and say STOP and START. The service sends messages; an operator
 * takes over and hands back. Returns the duration.
 */
export function playScript(
  world: World,
  provider: SimulatedProvider,
  callers: Callers,
  options: ScriptOptions,
): number {
  const { dice } = world;
  const { parties } = options;
  let atMs = dice.between(0, 500);
  const formOf = ({ theirs }: Party): string => (world.features.twoSpellings ? dice.pick(spellingsOf(theirs)) : theirs);

  const textAt = (afterMs: number, party: Party, id: string, body: string, optOut: ReceivedMessage["optOut"]) => {
    const { ours, theirs } = party;
    const key = `sim:${id}`;
    const message = {
      key,
      providerMessageId: id,
      from: formOf(party),
      to: ours,
      service: null,
      body,
      media: [],
      optOut,
      occurredAt: null,
    };
    callers.later(afterMs, () => {
      note(world, theirs, `texts "${body}"`);
      if (optOut === "STOP") provider.block(theirs);
      if (optOut === "START") provider.unblock(theirs);
      if (!world.calm && provider.lists && dice.chance(world.features.lostWebhooks)) {
        note(world, theirs, "its webhook is lost for good");
        provider.lose(message);
        return;
      }
      callers.bring(key, () => provider.text(message));
      if (dice.chance(0.02)) {
        callers.call("webhook.forged", async (process) => {
          const forged = provider.forged({ ...message, key: `${key}-forged`, providerMessageId: `${id}-forged` });
          return `answered ${(await process.sms.fetch(forged)).status}`;
        });
      }
    });
  };

  const typeAt = (afterMs: number, party: Party, id: string, body: string) => {
    callers.later(afterMs, () =>
      callers.call("app.simulate", async (process) => {
        await process.sms.simulate({ id, from: formOf(party), to: party.ours, body });
        if (process.alive) observe(world, { kind: "acknowledged", key: `simulated:${id}` });
        return "stored";
      }),
    );
  };

  const sendAt = (afterMs: number, party: Party, key: string, body: string) => {
    const origin = dice.chance(0.5) ? "api" : "operator";
    callers.later(afterMs, () =>
      callers.call("app.send", async (process) => {
        const { id } = await process.sms.send({ key, to: formOf(party), from: party.ours, body, origin });
        if (process.alive) observe(world, { kind: "sent", key, messageId: id });
        return "stored";
      }),
    );
  };

  const takeOverAt = (afterMs: number) => {
    const answerUnanswered = dice.chance(0.5);
    const forMs = dice.between(500, 12_000);
    const nth = dice.next();
    // Each repetition uses the same conversation, even if others have begun meanwhile.
    let id: string | null = null;
    callers.later(afterMs, () =>
      callers.call("operator.pause", async (process) => {
        const { conversations } = await process.sms.conversations();
        id ??= conversations[Math.floor(nth * conversations.length)]?.id ?? null;
        const chosen = id;
        if (chosen === null) return "there is no conversation";
        await process.sms.pause(chosen);
        callers.later(forMs, () =>
          callers.call("operator.resume", async (other) => {
            await other.sms.resume(chosen, { answerUnanswered });
            return answerUnanswered ? "answers what is unanswered" : "skips what is unanswered";
          }),
        );
        return "paused";
      }),
    );
  };

  const eraseAt = (afterMs: number, party: Party) => {
    callers.later(afterMs, () =>
      callers.call("operator.erase", async (process) => {
        const { messages } = await process.sms.erase({ participant: formOf(party) });
        return `${messages} message(s) forgotten`;
      }),
    );
  };

  for (let text = 1; text <= options.texts; text += 1) {
    const party = dice.pick(parties);
    const body = `text${text}`;
    if (dice.chance(0.75)) textAt(atMs, party, `SMin${text}`, body, null);
    else typeAt(atMs, party, `click${text}`, body);
    atMs += dice.chance(0.55) ? dice.between(50, 900) : dice.between(1500, 7000);
  }
  const endMs = atMs;
  const sends = dice.between(1, 3);
  for (let send = 1; send <= sends; send += 1) {
    const body = dice.chance(0.3)
      ? `send${send} ${"with a long text that is more than one message. ".repeat(8)}`
      : `send${send}`;
    sendAt(dice.between(0, endMs), dice.pick(parties), `order${send}`, body);
  }
  if (dice.chance(0.35)) {
    const party = dice.pick(parties);
    const stopMs = dice.between(0, endMs);
    textAt(stopMs, party, "SMstop", "STOP", dice.chance(0.7) ? "STOP" : null);
    if (dice.chance(0.7)) textAt(stopMs + dice.between(300, 15_000), party, "SMstart", "START", "START");
  }
  if (dice.chance(0.1)) textAt(dice.between(0, endMs), dice.pick(parties), "SMhelp", "HELP", "HELP");
  if (dice.chance(0.3)) {
    takeOverAt(dice.between(0, endMs));
    // A delayed pause may come after the resume: the operator then resumes again.
    callers.later(endMs + LAST_LOOK_MS, () =>
      callers.call("operator.resume", async (process) => {
        const { conversations } = await process.sms.conversations();
        const paused = conversations.filter((one) => one.paused);
        for (const { id } of paused) await process.sms.resume(id, { answerUnanswered: true });
        return `${paused.length} without an operator`;
      }),
    );
  }
  for (let left = world.features.erasures; left > 0; left -= 1) eraseAt(dice.between(0, endMs), dice.pick(parties));
  return endMs;
}
