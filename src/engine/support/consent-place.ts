import type { Conversation } from "../../model/conversation.ts";
import type { Message } from "../../model/message.ts";
import { isMessagingService } from "../../model/phone-number.ts";
import type { Policy } from "../../policy/policy.ts";
import type { Consent, ConsentKeys, Storage } from "../../storage/storage.ts";
import type { ConsentPlace, ConsentWhere } from "./consent-key.ts";
import type { EngineContext } from "./context.ts";
import { trouble } from "./problems.ts";
import type { Route, SenderBook } from "./senders.ts";

/**
 * The senders of an outbound message. A Messaging Service that picks the number itself keeps the number that the person
 * wrote to.
 */
export function consentWhere({ message, conversation }: Sending, route: Pick<Route, "line"> | null): ConsentWhere {
  return {
    participant: conversation.participant,
    sender: isMessagingService(message.from) ? conversation.sender : message.from,
    lines: [message.from, conversation.line, route?.line],
  };
}

/**
 * The consent keys of a message's person at its sender. Where the resolver of senders fails, its error is reported, and
 * only the senders that the ledger knows are used.
 */
export async function consentsOf(
  context: EngineContext,
  message: Sending,
  { changes = false }: Pick<ConsentWhere, "changes"> = {},
): Promise<ConsentKeys> {
  let route: Route | null = null;
  try {
    route = await context.senders.routeInbound(message.message.from, message.conversation.line);
  } catch (error) {
    context.reporter.error(trouble(error));
  }
  return context.consents({ ...consentWhere(message, route), changes });
}

/**
 * The consent keys for the next message of a conversation, which leaves from the number that the person texted last.
 */
export async function consentsNow(context: EngineContext, conversation: Sending["conversation"]): Promise<ConsentKeys> {
  return consentsOf(context, { message: { from: conversation.sender }, conversation });
}

interface Sending {
  readonly message: Pick<Message, "from">;
  readonly conversation: Pick<Conversation, "line" | "sender" | "participant">;
}

/**
 * The senders that consent is filed under: the number and its services. A Messaging Service as sender picks a number
 * that is not known here. Where all senders belong to this one service, an opt-out to any number holds for the service,
 * because that number may be one of the service's numbers now.
 */
export function consentAt(
  book: Pick<SenderBook, "numbersOf" | "isOnlyService">,
  policies: readonly Policy[],
  { participant, sender, through = null, lines, changes = false }: ConsentWhere,
): ConsentPlace {
  const services = [through, ...lines, sender].filter((address) => isMessagingService(address ?? ""));
  const known = services.flatMap((service) => service ?? []);
  const isOpen = isMessagingService(sender) && book.isOnlyService(sender);
  return {
    participant,
    senders: [...(isMessagingService(sender) ? [] : [sender]), ...known],
    siblings: changes ? known.flatMap((service) => book.numbersOf(service)) : [],
    coversAll: policies.some(({ covers }) => covers === "all-senders"),
    asksPerson: isOpen,
  };
}

/** A person's consent: the strictest one under the given keys; `null` where there is none. */
export async function consentIn(
  storage: Pick<Storage, "consent">,
  { own, services, person, asksPerson }: ConsentKeys,
): Promise<Consent | null> {
  const keys = asksPerson ? [...own, person] : own;
  const filed = new Map(await Promise.all(keys.map(async (key) => [key, await storage.consent(key)] as const)));
  const known = [...filed.values()].filter((consent) => consent !== null);
  // A START to the service ends an opt-out that came through the service, at any of its numbers.
  const isLifted = ({ service }: Consent) =>
    service !== undefined && services.includes(service) && filed.get(service)?.state === "opted-in";
  const out = known.find((consent) => consent.state === "opted-out" && !isLifted(consent));
  return out ?? known.filter(({ state }) => state === "opted-in").toSorted(byTime)[0] ?? null;
}

/** The newest consent first. */
function byTime(one: Consent, other: Consent): number {
  return other.changedAt - one.changedAt;
}
