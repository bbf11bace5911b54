/** The header of a Harmony message: its role, its channel (group 1) and its constraint. */
const HEADER =
  /(?:<\|start\|>[^<]{0,200})?(?:<\|channel\|>([^<]{0,200}))?(?:<\|constrain\|>[^<]{0,200})?<\|message\|>/g;
/** The tokens that end a message. */
const END = /<\|(?:end|return|call|start|channel)\|>/;

/**
 * The final channel of an answer in OpenAI's Harmony format (https://github.com/openai/harmony). A server that does not
 * know the format passes the whole answer on as text. The channel is also found where the server has dropped only the
 * special tokens (`analysis…assistantfinal…`). Any other text is returned unchanged. An answer without a final channel
 * gives an empty text.
 */
export function finalChannelOf(text: string): string {
  const bare = /^\s*(?:analysis|commentary)(?=\P{Ll})/u.test(text) ? text.lastIndexOf("assistantfinal") : -1;
  if (bare >= 0) return text.slice(bare + "assistantfinal".length);
  if (/^\s*analysis(?=\p{Lu})/u.test(text)) return "";
  const headers = outsideCode(text, [...text.matchAll(HEADER)]);
  if (headers.length === 0) {
    // The answer ends inside the header of its first message.
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
 * The matches outside of code, in order: before such a match no fence is open, and no backtick is open on its line. In
 * code, the tokens are only mentioned. The text is read once for all matches.
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
