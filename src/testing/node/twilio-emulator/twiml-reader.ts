/** A `<Message>` in the application's answer. */
export interface TwimlMessage {
  readonly body: string;
  readonly mediaUrls: readonly string[];
  readonly to?: string;
  readonly from?: string;
  readonly statusCallback?: string;
}

/** What Twilio would do with the answer to a webhook. */
export interface TwimlAnswer {
  readonly messages: readonly TwimlMessage[];
  /** The URL from which the rest of the answer is fetched. */
  readonly redirect?: string;
  /** Twilio's code, and a sentence, for each mistake. */
  readonly faults: readonly { readonly code: number; readonly reason: string }[];
}

interface XmlElement {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: readonly (XmlElement | string)[];
}

const MAX_MESSAGES = 10;
const MAX_BODY = 1600;
const MAX_BYTES = 64 * 1024;
const ENTITIES: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const TWIML_TYPES: ReadonlySet<string> = new Set(["text/xml", "application/xml", "text/html"]);
// Comment, declaration, CDATA, closing tag, opening tag, text: in this order, so that the pattern covers every
// character.
const TOKENS =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<\/([\w:.-]+)\s*>|<([\w:.-]+)((?:\s+[\w:.-]+\s*=\s*(?:"[^"<]*"|'[^'<]*'))*)\s*(\/?)>|([^<]+)/gy;

/**
 * Reads the answer to an inbound webhook by Twilio's rules: TwiML by its content type, and `text/plain` as the text of
 * an SMS.
 *
 * @see https://www.twilio.com/docs/messaging/twiml
 */
export function readAnswer(contentType: string | null, body: string): TwimlAnswer {
  if (body === "") return { messages: [], faults: [] };
  if (contentType === null) return fault(12300, "the answer has no Content-Type");
  if (new TextEncoder().encode(body).length > MAX_BYTES) return fault(11750, "the answer is over 64 kB");
  const type = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
  if (type === "text/plain") return { messages: [{ body, mediaUrls: [] }], faults: [] };
  if (!TWIML_TYPES.has(type)) return fault(12300, `the answer's Content-Type is ${type}, not text/xml`);
  const root = readXml(body.replace(/^\uFEFF/, ""));
  if (typeof root === "string") return fault(12100, root);
  if (root.name !== "Response") return fault(12100, `the root element is <${root.name}>, not <Response>`);
  return readVerbs(root);
}

function readVerbs(root: XmlElement): TwimlAnswer {
  const messages: TwimlMessage[] = [];
  const faults: { code: number; reason: string }[] = [];
  let redirect: string | undefined;
  for (const child of root.children) {
    if (redirect !== undefined) break;
    if (typeof child === "string") {
      if (child.trim() !== "") faults.push({ code: 12200, reason: "there is text outside of a verb" });
    } else if (child.name === "Message") {
      const message = readMessage(child);
      if (message.body === "" && message.mediaUrls.length === 0) {
        faults.push({ code: 14103, reason: "a <Message> has neither body nor media" });
      } else if (message.body.length > MAX_BODY) {
        faults.push({ code: 21617, reason: "a <Message> is over 1600 characters" });
      } else if (messages.length === MAX_MESSAGES) {
        faults.push({ code: 14109, reason: "there are more than ten <Message>: the others are not sent" });
      } else messages.push(message);
    } else if (child.name === "Redirect") redirect = textIn(child).trim();
    else faults.push({ code: 12200, reason: `<${child.name}> is not a verb of Messaging` });
  }
  return { messages, faults, ...(redirect === undefined ? {} : { redirect }) };
}

function readMessage({ attributes, children }: XmlElement): TwimlMessage {
  const elements = children.filter((child) => typeof child !== "string");
  const bodies = elements.filter(({ name }) => name === "Body");
  const loose = children.filter((child) => typeof child === "string").join("");
  const { to, from, statusCallback } = attributes;
  return {
    body: bodies.length > 0 ? bodies.map(textIn).join("") : elements.length > 0 ? loose.trim() : loose,
    mediaUrls: elements.filter(({ name }) => name === "Media").map((media) => textIn(media).trim()),
    ...(to === undefined ? {} : { to }),
    ...(from === undefined ? {} : { from }),
    ...(statusCallback === undefined ? {} : { statusCallback }),
  };
}

function textIn({ children }: XmlElement): string {
  return children.map((child) => (typeof child === "string" ? child : textIn(child))).join("");
}

function fault(code: number, reason: string): TwimlAnswer {
  return { messages: [], faults: [{ code, reason }] };
}

/**
 * The root element, or what is wrong with the document. Names are case-sensitive, and document types are not allowed.
 */
function readXml(text: string): XmlElement | string {
  interface Open {
    readonly name: string;
    readonly attributes: Readonly<Record<string, string>>;
    readonly children: (XmlElement | string)[];
  }
  const document: Open = { name: "", attributes: {}, children: [] };
  const open: Open[] = [document];
  let end = 0;
  for (const token of text.matchAll(TOKENS)) {
    end = token.index + token[0].length;
    const [, cdata, closing, opening, attributes = "", selfClosing, characters] = token;
    const inner = open.at(-1) ?? document;
    const plain = cdata ?? (characters === undefined ? undefined : decode(characters));
    if (plain === null) return "it has an entity that XML does not know";
    if (plain !== undefined) inner.children.push(plain);
    else if (closing !== undefined) {
      if (inner.name !== closing || open.length === 1) return `</${closing}> closes nothing`;
      open.pop();
    } else if (opening !== undefined) {
      const read = readAttributes(attributes);
      if (read === null) return "an attribute has an entity that XML does not know";
      const element: Open = { name: opening, attributes: read, children: [] };
      inner.children.push(element);
      if (selfClosing === "") open.push(element);
    }
  }
  if (end !== text.length) return "it is not well-formed XML";
  if (open.length > 1) return `<${open.at(-1)?.name}> is not closed`;
  const [root, ...others] = document.children.filter((child) => typeof child !== "string" || child.trim() !== "");
  return root === undefined || typeof root === "string" || others.length > 0 ? "it has not exactly one root" : root;
}

function readAttributes(text: string): Record<string, string> | null {
  const found: Record<string, string> = {};
  for (const [, name = "", double, single] of text.matchAll(/([\w:.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    const value = decode(double ?? single ?? "");
    if (value === null) return null;
    found[name] = value;
  }
  return found;
}

/** `null` for an entity that XML does not define. */
function decode(text: string): string | null {
  if (/&(?!(?:amp|lt|gt|quot|apos|#\d+|#x[\da-f]+);)/i.test(text)) return null;
  const points = Array.from(text.matchAll(/&#(x?)([\da-f]+);/gi), ([, hex, digits = ""]) =>
    Number.parseInt(digits, hex ? 16 : 10),
  );
  if (points.some((point) => point > 0x10ffff)) return null;
  return text.replace(/&(?:#x([\da-f]+)|#(\d+)|(\w+));/gi, (whole, hex, decimal, name) => {
    if (hex !== undefined) return String.fromCodePoint(Number.parseInt(hex, 16));
    if (decimal !== undefined) return String.fromCodePoint(Number(decimal));
    return ENTITIES[String(name)] ?? String(whole);
  });
}
