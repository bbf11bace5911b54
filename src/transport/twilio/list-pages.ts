import { OwnlineError } from "../../errors.ts";
import { classifyError, parseErrorBody } from "./errors.ts";
import type { Fields } from "./list-entry.ts";
import { accountPath, fieldsOf, type TwilioRest } from "./rest.ts";

/** One of Twilio's lists. */
export interface TwilioList {
  /** Its path in the account, for example `Messages.json`. */
  readonly resource: string;
  /** The field of a page that contains the entries. */
  readonly key: string;
  /** The list's name in errors. */
  readonly name: string;
}

/** One page of a list, and Twilio's clock when it answered. */
export interface Page {
  readonly items: readonly Fields[];
  readonly date: number | null;
}

const PAGE_SIZE = 100;

/**
 * The pages of a list. It follows `next_page_uri`, which must lead to Twilio's own API.
 *
 * @throws OwnlineError `transport_unavailable` (retryable) or `transport_rejected`: the message names the list.
 */
export async function* pages(
  rest: TwilioRest,
  list: TwilioList,
  filter: Readonly<Record<string, string>>,
): AsyncGenerator<Page> {
  const query = new URLSearchParams({ PageSize: String(PAGE_SIZE), ...filter });
  const seen = new Set<string>();
  let url: string | undefined = `${accountPath(rest, list.resource)}?${query}`;
  while (url !== undefined) {
    if (seen.has(url)) throw unreadable(list, "its pages run in a circle");
    seen.add(url);
    const { fields: page, date }: GotPage = await getPage(rest, list, url);
    const items = page[list.key];
    if (!Array.isArray(items)) throw unreadable(list, `it has no ${list.key}`);
    yield { items: items.map(fieldsOf), date };
    const next = page.next_page_uri;
    url = typeof next === "string" && next !== "" ? within(rest, next) : undefined;
    // The next request would carry the account's credentials to that host.
    if (url === "") throw unreadable(list, "its next page is on another host");
  }
}

/** A link of Twilio as a URL of its API; empty where the link leads to another host. */
export function within({ apiUrl }: Pick<TwilioRest, "apiUrl">, link: string): string {
  if (!URL.canParse(link, apiUrl)) return "";
  const url = new URL(link, apiUrl);
  return url.origin === new URL(apiUrl).origin ? url.href : "";
}

/** The error for a list that Twilio answered, and that cannot be read. */
export function unreadable({ name, resource }: TwilioList, why: string, cause?: unknown): OwnlineError {
  const message = `Twilio's answer to ${name} (${resource}) cannot be read: ${why}.`;
  return new OwnlineError("transport_unavailable", message, { retryable: true, cause });
}

interface GotPage {
  readonly fields: Fields;
  readonly date: number | null;
}

async function getPage(rest: TwilioRest, list: TwilioList, url: string): Promise<GotPage> {
  const { name, resource } = list;
  const outcome = await rest.get(url);
  if (outcome.kind === "failure") {
    throw new OwnlineError("transport_unavailable", `Twilio did not answer ${name} (${resource}): ${outcome.reason}.`, {
      retryable: true,
    });
  }
  const { httpStatus, body } = outcome;
  const date = Date.parse(outcome.date ?? "");
  if (httpStatus === 200) return { fields: jsonOf(list, body), date: Number.isNaN(date) ? null : date };
  const { code } = parseErrorBody(body, httpStatus);
  const providerCode = code === undefined ? {} : { providerCode: code };
  if (httpStatus === 429 || httpStatus === 408 || httpStatus >= 500) {
    const message = `Twilio cannot answer ${name} (${resource}) now, HTTP ${httpStatus}: try again later.`;
    throw new OwnlineError("transport_unavailable", message, { retryable: true, ...providerCode });
  }
  const remedy = httpStatus === 404 ? NOT_THERE : classifyError({ httpStatus, code }).remedy;
  const message = `Twilio refused ${name} (${resource}), HTTP ${httpStatus}: ${remedy}.`;
  throw new OwnlineError("transport_rejected", message, providerCode);
}

const NOT_THERE =
  "the account or the list does not exist there: check accountSid, and apiUrl or the client's region where one is set";

function jsonOf(list: TwilioList, body: string): Fields {
  try {
    return fieldsOf(JSON.parse(body));
  } catch (cause) {
    throw unreadable(list, "it is not JSON", cause);
  }
}
