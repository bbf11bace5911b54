import { isOwnlineError, OwnlineError } from "../../errors.ts";
import { hook } from "../../hook.ts";
import { normalizeAddress } from "../../model/phone-number.ts";
import {
  lineOf,
  type SenderConfig,
  type SenderDirectory,
  type SenderResolver,
  senderAddressFault,
  serviceFault,
} from "../../model/sender.ts";
import { isRate } from "../options/option-schemas.ts";
import type { SendersOption } from "../options/options.ts";

/** The line of a text's conversation, and the sender that the text came to or leaves from. */
export interface Route {
  readonly line: string;
  readonly sender: string;
  /** The rate that is configured for this sender itself. */
  readonly ratePerSecond?: number | undefined;
}

/** One entry of the list of senders. */
export interface ListedSender {
  /** The entry's path in the options, for errors. They show no address. */
  readonly path: string;
  /** Its address, or why the entry is not a sender. */
  readonly address: string | OwnlineError;
}

/** The senders of this service. No other part of the code decides which addresses are senders. */
export interface SenderBook {
  /** The route of a message that leaves from this address; `null` where it is not one of the senders. */
  route(address: string): Promise<Route | null>;
  /**
   * The route of a text that came to `to`, perhaps through a Messaging Service; `null` where `to` and the service are
   * not senders.
   */
  routeInbound(to: string, service: string | null): Promise<Route | null>;
  /**
   * The senders that can be listed; none where a function only finds them. The caller's `list` is called each time.
   *
   * @throws OwnlineError `invalid_options` where the caller's `list` throws or does not return a list
   */
  listed(): Promise<readonly ListedSender[]>;
  /** The listed numbers of a Messaging Service; none where a function finds the senders. */
  numbersOf(service: string): readonly string[];
  /**
   * Whether all senders are listed and belong to this one service. Then each number that people ever wrote to is, or
   * was, one of the service's numbers.
   */
  isOnlyService(service: string): boolean;
  /** The sender that the caller named, or the only sender. */
  choose(address: string | undefined, name: "from" | "to"): Promise<Route>;
}

const THE_RULE =
  "A provider sends only from numbers that your account owns (Twilio refuses others with 21212, 21606, 21659, 21660 or 21661; a verified caller ID does not help, 21601).";

export function senderBook(option: SendersOption): SenderBook {
  const finder = isList(option) ? null : finderOf(option);
  const list = isList(option)
    ? option.flatMap((sender, index) => (sender === undefined ? [] : [configOf(sender, `options.senders[${index}]`)]))
    : null;
  const byAddress = new Map<string, SenderConfig>();
  for (const sender of list ?? []) {
    byAddress.set(sender.address, sender);
    // Where a number belongs to a Messaging Service, the service is a sender too.
    if (sender.service !== undefined && !byAddress.has(sender.service))
      byAddress.set(sender.service, { address: sender.service });
  }
  const find = async (address: string): Promise<SenderConfig | undefined> =>
    finder === null ? byAddress.get(address) : resolve(finder, address);

  const route = async (address: string): Promise<Route | null> => {
    const sender = await find(address);
    if (sender === undefined) return null;
    return { line: lineOf(sender), sender: address, ratePerSecond: sender.ratePerSecond };
  };

  return {
    route,
    async listed() {
      if (finder !== null) return finder.list === undefined ? [] : listedBy(finder.list);
      return (list ?? []).map(({ address }, index) => ({ path: `options.senders[${index}]`, address }));
    },
    async routeInbound(to, service) {
      const direct = await route(to);
      if (direct !== null) return direct;
      const through = service === null ? null : await route(service);
      // The reply leaves from the number that the person texted, through its service.
      return through === null ? null : { line: through.line, sender: to };
    },
    numbersOf(service) {
      const ofService = (list ?? []).filter((sender) => sender.service === service);
      return ofService.map(({ address }) => address);
    },
    isOnlyService: (service) => list !== null && list.length > 0 && list.every((sender) => lineOf(sender) === service),
    async choose(address, name) {
      if (address === undefined) {
        const only = list?.length === 1 ? list[0] : undefined;
        if (only !== undefined) return { line: lineOf(only), sender: only.address };
        throw new OwnlineError(
          "sender_required",
          `${name} is missing: there is more than one sender, so name one of your numbers`,
        );
      }
      const found = await route(normalizeAddress(address, name));
      if (found !== null) return found;
      throw new OwnlineError(
        "unknown_sender",
        name === "from"
          ? `from is not one of the configured senders, so nothing was sent. ${THE_RULE} To mirror what a person typed in your app, call simulate({ from: person, to: yourNumber }): it is stored and answered, and never sent. If you own this number, add it to senders.`
          : `to is not one of the configured senders. A simulated text goes from a person to one of your own numbers. ${THE_RULE} If you own this number, add it to senders.`,
      );
    },
  };
}

/**
 * The sender that the resolver returns. It must be about the address that was asked for: no other address may become a
 * sender.
 */
async function resolve(finder: Finder, address: string): Promise<SenderConfig | undefined> {
  const { name } = finder;
  const found: unknown = await hook(name, () => finder.resolve(address));
  if (found === undefined || found === null) return undefined;
  const config = typeof found === "object" ? readConfig(found, name) : null;
  if (config?.address === address) return config;
  if (config?.service === address) return { address };
  throw new OwnlineError(
    "invalid_options",
    `${name} must return { address, service?, ratePerSecond? } of the address that it was called with, or undefined where that address is not yours`,
  );
}

/** The senders that the caller's `list` returns. A mistake in one entry affects only that entry. */
async function listedBy(list: () => unknown): Promise<readonly ListedSender[]> {
  const name = "options.senders.list";
  const entries: unknown = await hook(name, () => list());
  if (!Array.isArray(entries)) {
    throw new OwnlineError("invalid_options", `${name} must return a list of senders, such as ["+15703251809"]`);
  }
  return entries.map((entry: unknown, index) => {
    const path = `${name}()[${index}]`;
    return { path, address: listedAddress(entry, path) };
  });
}

function listedAddress(entry: unknown, path: string): string | OwnlineError {
  try {
    const given = typeof entry === "string" ? { address: entry } : entry;
    const config = typeof given === "object" && given !== null ? readConfig(given, path) : null;
    if (config !== null) return config.address;
  } catch (error) {
    if (!isOwnlineError(error)) throw error;
    return error;
  }
  return new OwnlineError(
    "invalid_options",
    `${path}: give a number you own, or { address, service?, ratePerSecond? }`,
  );
}

/** The sender that the caller's function returned; `null` where its fields are not those of a sender. */
function readConfig(given: object, path: string): SenderConfig | null {
  const read = (field: keyof SenderConfig): unknown => Reflect.get(given, field);
  const [address, service, ratePerSecond] = [read("address"), read("service"), read("ratePerSecond")];
  if (typeof address !== "string" || (service && typeof service !== "string")) return null;
  if (ratePerSecond !== undefined && ratePerSecond !== null && !isRate(ratePerSecond)) return null;
  return configOf(
    {
      address,
      ...(typeof service === "string" ? { service } : {}),
      ...(typeof ratePerSecond === "number" ? { ratePerSecond } : {}),
    },
    path,
  );
}

interface Finder {
  /** The name of `resolve` in errors. */
  readonly name: string;
  readonly resolve: SenderResolver;
  readonly list?: () => unknown;
}

/** The methods of a directory are called on the object itself, because it may be an instance of a class. */
function finderOf(option: SenderResolver | SenderDirectory): Finder {
  if (typeof option === "function") {
    return { name: "options.senders, the function that finds senders,", resolve: option };
  }
  return {
    name: "options.senders.resolve",
    resolve: (address) => option.resolve(address),
    ...(option.list !== undefined && { list: () => option.list?.() }),
  };
}

function isList(option: SendersOption): option is Extract<SendersOption, readonly unknown[]> {
  return Array.isArray(option);
}

function configOf(sender: string | SenderConfig, path: string): SenderConfig {
  const config = typeof sender === "string" ? { address: sender } : sender;
  const { address, service } = config;
  const fault = (service === undefined ? undefined : serviceFault(service)) ?? senderAddressFault(address);
  if (fault !== undefined) throw new OwnlineError("invalid_options", `${path}: ${fault}`);
  return { ...config, address: normalizeAddress(address, path) };
}
