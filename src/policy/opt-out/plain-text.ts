/** One word of a text, in upper case. */
export interface PlainWord {
  /** Without accents on Latin, Greek and Cyrillic letters. Words are compared by it. */
  readonly plain: string;
  /** With all its marks, composed (NFC). */
  readonly marked: string;
}

/** `1️⃣` is an emoji, although it begins with a digit. */
const KEYCAPS = /[0-9#*]\uFE0F?\u20E3/g;
/** Includes letters such as `ℹ`, which are drawn as emoji and which NFKC would turn into plain letters. */
const PICTOGRAPHS = /\p{Extended_Pictographic}/gu;
const APOSTROPHES = /['’‘ʼ＇`´]/g;
/** Zero-width characters, marks of direction, variation selectors; the other control characters; enclosing marks. */
const INVISIBLE = /[\p{Default_Ignorable_Code_Point}\p{Cf}\p{Me}]|(?!\s)\p{Cc}/gu;
const ASCII = /^[\t\n\r -~]*$/;
const ASCII_APOSTROPHES = /['`]/g;
const ASCII_WORDS = /[A-Z0-9]+/g;
const WORDS = /[\p{L}\p{N}][\p{L}\p{M}\p{N}]*/gu;
const ACCENTED = /([\p{Script=Latin}\p{Script=Greek}\p{Script=Cyrillic}])\p{M}+/gu;

/**
 * The words of a text, without parts that have no meaning: case, punctuation, emoji, invisible characters, variation
 * selectors, keycaps, full width. An apostrophe joins two parts of a word ("don’t" is `DONT`), and a hyphen separates
 * them.
 *
 * Accents on Latin, Greek and Cyrillic letters are left out of `plain`. In every other script a mark is a letter: बाद
 * ("later") is another word than बंद ("stop").
 *
 * @see https://www.unicode.org/reports/tr15/ (NFKC), https://www.unicode.org/reports/tr51/ (emoji)
 */
export function plainWords(text: string): PlainWord[] {
  // Most messages are ASCII, without marks, invisible characters or emoji. For them this way is five times as fast.
  if (ASCII.test(text)) {
    const words = text.replaceAll(ASCII_APOSTROPHES, "").toUpperCase().match(ASCII_WORDS) ?? [];
    return words.map((word) => ({ marked: word, plain: word }));
  }
  const visible = text
    .replace(KEYCAPS, " ")
    .replace(PICTOGRAPHS, " ")
    .replace(APOSTROPHES, "")
    .normalize("NFKC")
    .replace(INVISIBLE, "")
    .toUpperCase()
    .normalize("NFC");
  return (visible.match(WORDS) ?? []).map((marked) => ({ marked, plain: withoutAccents(marked) }));
}

function withoutAccents(word: string): string {
  return word.normalize("NFD").replace(ACCENTED, "$1").normalize("NFC");
}

/**
 * Joins the words of a text into one word, because "opt-out" and "S.T.O.P." are one word for the person who types them.
 */
export function joined(words: readonly PlainWord[]): PlainWord {
  const [first] = words;
  if (words.length === 1 && first !== undefined) return first;
  return { plain: words.map(({ plain }) => plain).join(""), marked: words.map(({ marked }) => marked).join("") };
}
