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
  const headers = outsideCode(text, [...text.matchAll(HEADER)]);
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

/**
 * Of the matches, by their place, those before which no fence stands open, and no backtick on their line: behind one the
 * tokens are talked about. Reads the text once, however many matches there are.
 */
function outsideCode(text: string, matches: readonly RegExpExecArray[]): readonly RegExpExecArray[] {
  let [from, fences, backticks] = [0, 0, 0];
  return matches.filter(({ index }) => {
    for (const [mark] of text.slice(from, index).matchAll(/```|[`\n]/g)) {
      if (mark === "```") fences += 1;
      backticks = mark === "\n" ? 0 : backticks + mark.length;
    }
    from = index;
    return fences % 2 === 0 && backticks % 2 === 0;
  });
}
