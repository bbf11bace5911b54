/** The header of a Harmony message: its role, its channel (group 1) and what it is bound to. */
const HEADER =
  /(?:<\|start\|>[^<]{0,200})?(?:<\|channel\|>([^<]{0,200}))?(?:<\|constrain\|>[^<]{0,200})?<\|message\|>/g;
/** What ends a message. */
const END = /<\|(?:end|return|call|start|channel)\|>/;

/**
 * The final channel of an answer in OpenAI's Harmony format (https://github.com/openai/harmony), which a server that
 * does not know the format passes on as text; also where the server has dropped the special tokens alone
 * (`analysis…assistantfinal…`). Any other text comes back unchanged; an answer without a final channel is empty.
 */
export function finalChannelOf(text: string): string {
  const bare = /^\s*(?:analysis|commentary)(?=\P{Ll})/u.test(text) ? text.lastIndexOf("assistantfinal") : -1;
  if (bare >= 0) return text.slice(bare + "assistantfinal".length);
  if (/^\s*analysis(?=\p{Lu})/u.test(text)) return "";
  const headers = [...text.matchAll(HEADER)].filter(({ index }) => !isInCode(text, index));
  if (headers.length === 0) {
    // Cut off in the header of its first message.
    return /^\s*<\|(?:start|channel)\|>/.test(text) ? "" : text;
  }
  return headers
    .map((header, at) => {
      const [whole, channel = "final"] = header;
      if (!/^\s*final\b/.test(channel)) return "";
      const [content = ""] = text.slice(header.index + whole.length, headers[at + 1]?.index).split(END, 1);
      return content;
    })
    .join("");
}

/** Whether a backtick stands open before `index` on its line: then the tokens are talked about. */
function isInCode(text: string, index: number): boolean {
  const line = text.slice(text.lastIndexOf("\n", index - 1) + 1, index);
  const fences = text.slice(0, index).split("```").length - 1;
  return fences % 2 === 1 || (line.split("`").length - 1) % 2 === 1;
}
