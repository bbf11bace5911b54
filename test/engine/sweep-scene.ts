import type { Message } from "../../src/model/message.ts";
import type { ListInboundQuery, OwnedSender, ReceivedMessage, UnreadableEntry } from "../../src/transport/transport.ts";
import { OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

export const SECOND = 1000;
export const MINUTE: number = 60 * SECOND;

/** A ledger, and a provider whose list a test writes. */
export interface Scene {
  readonly house: Rig;
  readonly texts: ReceivedMessage[];
  readonly looks: ListInboundQuery[];
  /** By look, the keys that the ledger did not have. */
  readonly missing: (readonly string[])[];
  readonly owned: OwnedSender[];
  readonly unreadable: UnreadableEntry[];
  broken: Error | null;
  /** A text that the provider has, and whose webhook never came. */
  lose(sid: string, body: string, agoMs?: number, from?: string): void;
}

export function scene(options: RigOptions = {}): Scene {
  const house = rig({ burst: { quietMs: 0 }, ...options });
  const self: Scene = {
    house,
    texts: [],
    looks: [],
    missing: [],
    owned: [],
    unreadable: [],
    broken: null,
    lose(sid, body, agoMs = 0, from = PERSON) {
      const occurredAt = house.clock.now() - agoMs;
      const text = { from, to: OURS, service: null, body, media: [], optOut: null, occurredAt };
      self.texts.push({ key: `AC1:${sid}`, providerMessageId: sid, ...text });
    },
  };
  house.provider.senders = async () => self.owned;
  house.provider.listInbound = async (query) => {
    self.looks.push(query);
    if (self.broken !== null) throw self.broken;
    const asOf = house.clock.now();
    const since = typeof query.since === "number" ? query.since : asOf - query.since.lastMs;
    const texts = self.texts.filter(({ occurredAt }) => (occurredAt ?? 0) >= since);
    const missing = (await query.unrecorded?.(texts.map(({ key }) => key))) ?? [];
    self.missing.push(missing);
    return { messages: texts.filter(({ key }) => missing.includes(key)), unreadable: self.unreadable, asOf };
  };
  return self;
}

/** The notices of the process, in order. */
export const kinds = ({ house }: Scene): string[] => house.notices.map(({ kind }) => kind);
/** Every text that came in, of every conversation. */
export const inbound = async ({ house }: Scene): Promise<Message[]> => {
  const { conversations } = await house.sms.conversations();
  const pages = await Promise.all(conversations.map(({ id }) => house.sms.messages({ conversationId: id })));
  return pages.flat().filter(({ direction }) => direction === "inbound");
};
