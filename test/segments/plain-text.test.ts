import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { toPlainText } from "../../src/segments/segments.ts";
import { growthOf, LINEAR_AT_MOST } from "../growth.ts";

const PLAIN = [
  "snake_case and other_snake_case",
  "9*5 = 45, 5*3*2 = 30, 2 * 3 * 4 = 24, 2**3**4",
  "__init__ and __init__.py in /usr/__pycache__/x",
  "https://en.wikipedia.org/wiki/Foo_(bar)_baz?a=*b*&c=_d_",
  "See http://x.com/*a*/_b_ (or www.a_b.com/_c_).",
  "first_last@mail_host.com, _x_@example.com",
  "#hashtag #2 and C# and F#",
  "~5 minutes, ~10 at most, a~~b~~c",
  "> 5 guests need a call",
  "a > 5 and b < 3 <b>bold</b> &amp; <3",
  "card ****1234 or ****1234****, f*** that, rated *****",
  "dial *100# or *123*4567# or *123*1# or *123*# now",
  "call f(*args, **kwargs) or g(**kwargs)",
  'press "*" and then "*" again',
  "price 5€* and 6€*\n(*) plus tax (*)",
  "^_^ so happy ^_^ >_< oh >_< *_* -_-",
  "¯\\_(ツ)_/¯",
  "It`s and that`s",
  "C:\\new\\.git\\folder",
  "a[0](x) [x] [see below] (ok) :)",
  "1. one\n2. two\n- three\n  - four",
  "- [ ] todo\n- [x] done",
  "Name: ____\nSign: ______",
  "two  spaces at the end  \r\nand CR LF\r\n\r\n\tindented\n",
  "a | b without a table",
  "Total - 5\n-- \nSigned",
  "",
  " ",
  "\n\n",
];

const letters = (of: string): string => of.replace(/[^\p{L}\p{N}\p{Extended_Pictographic}]/gu, "");

const nested = (depth: number): string => "[](".repeat(depth) + ")".repeat(depth);

describe("toPlainText", () => {
  it.each(PLAIN)("leaves a text without Markdown exactly as it is: %j", (text) => {
    expect(toPlainText(text)).toBe(text);
  });

  it.each<[string, string, string]>([
    ["bold", "**now** and __right now__", "now and right now"],
    ["italic", "*now* and _now_", "now and now"],
    ["both", "***now*** **a *b*** ***a* b** ***a** b*", "now a b a b a b"],
    ["bold in Chinese, which has no spaces", "这是**重点**内容", "这是重点内容"],
    ["bold before punctuation", "**Note:** (**really**), **yes**!", "Note: (really), yes!"],
    ["strikethrough", "~~old~~ new", "old new"],
    ["inline code, contents kept", "run `npm_run *x*` or ``a`b`` or `` `c` ``", "run npm_run *x* or a`b or `c`"],
    ["fences, contents kept", "Try:\n```js\nx = **a**\n# b\n```\nDone", "Try:\nx = **a**\n# b\nDone"],
    ["a fence that never ends", "Try:\n~~~\nx_y", "Try:\nx_y"],
    ["a fence as the last thing", "Try:\n```\nx\n```", "Try:\nx"],
    ["headings", "# One\n### Learn C#\n## Two ##\ntext", "One\nLearn C#\nTwo\ntext"],
    ["underlined headings", "One\n===\ntext\nTwo\n---\ntext", "One\ntext\nTwo\ntext"],
    ["links", "[Map](https://a.b/c_(d)_e) now", "Map (https://a.b/c_(d)_e) now"],
    ["links with a title", '[Map](https://a.b "The map")', "Map (https://a.b)"],
    ["links in bold", "**[Book](https://a.b)**: now", "Book (https://a.b): now"],
    ["bold in links", "[**Book** it](https://a.b/_x_)", "Book it (https://a.b/_x_)"],
    [
      "links whose text is the URL",
      "[https://a.b/c_d](https://a.b/c_d) [a.b](https://a.b/)",
      "https://a.b/c_d https://a.b/",
    ],
    ["mail and phone links", "[me@a.b](mailto:me@a.b) [call](tel:123)", "me@a.b call (123)"],
    ["images", "![Plan](https://a.b/p.png) ![](https://a.b/q.png)", "Plan (https://a.b/p.png) https://a.b/q.png"],
    ["linked images", "[![alt](https://a.b/i)](https://a.b)", "alt (https://a.b/i) (https://a.b)"],
    ["bold URLs", "**https://a.b/c_d_**", "https://a.b/c_d_"],
    ["angled URLs", "<https://a.b/_c_> <me@a.b>", "https://a.b/_c_ me@a.b"],
    ["bullets", "* one\n  * **two**\n- three", "- one\n  - two\n- three"],
    ["quotes", "> Hello\n> 5 times\n>> deep\nout", "Hello\n5 times\ndeep\nout"],
    ["rules", "a\n\n---\n\nb\n\n* * *", "a\n\nb"],
    ["tables", "| Day | Open |\n|:--|--:|\n| **Mon** | 9\\|17 |\n\nend", "Day | Open\nMon | 9|17\n\nend"],
    ["escapes", "\\*not\\* 1\\. \\_x\\_ \\# \\\\", "*not* 1. _x_ # \\"],
    ["line break tags", "a<br>b<br/>c<BR />d", "a\nb\nc\nd"],
    ["escaped backticks", "\\`a\\` and \\`b `c`", "`a` and `b c"],
    ["brackets in code in a link", "[see `]`](https://a.b)", "see ] (https://a.b)"],
    ["marks without a partner", "**a and *b and `c and [d](", "**a and *b and `c and [d]("],
  ])("converts %s", (_, markdown, plain) => {
    expect(toPlainText(markdown)).toBe(plain);
  });

  it.each(["***", "---\n\n---", "```\n```", "# "])("returns %j as it is rather than empty", (marks) => {
    expect(toPlainText(marks)).toBe(marks);
  });

  it("keeps the line breaks as they were written", () => {
    expect(toPlainText("# a\r\n**b**\rc\n")).toBe("a\r\nb\rc\n");
  });

  it("changes nothing in words, numbers, sentences and plain punctuation", () => {
    const words = fc.constantFrom(
      "hello",
      "snake_case",
      "9*5",
      "été",
      "中文",
      "😀",
      "C#",
      "5",
      "~5",
      "(ok)",
      "“so”",
      "a/b",
      "it's",
      "x:y",
      "$5.00",
      "https://a.b/_c_*d*",
    );
    const gaps = fc.constantFrom(" ", "  ", ", ", ". ", "! ", " - ", " * ", " > ", "\n", "\r\n\r\n");
    fc.assert(
      fc.property(fc.array(fc.tuple(words, gaps), { minLength: 1, maxLength: 60, size: "max" }), (pairs) => {
        // A bullet or a quote at the start of a line would be Markdown, so each line starts with a letter.
        const text = pairs
          .map(([word, gap]) => word + gap)
          .join("")
          .replace(/(^|[\r\n])(?=[^\r\n])/g, "$1a ");
        expect(toPlainText(text)).toBe(text);
      }),
    );
  });

  it("keeps every letter and digit of any text that has no link title, fence name or tag", () => {
    const unit = fc.constantFrom(
      "a",
      "b1",
      " ",
      "*",
      "**",
      "_",
      "__",
      "`",
      "~~",
      "[",
      "]",
      "(",
      ")",
      "\n",
      "\\",
      "#",
      "> ",
      "- ",
      "|",
      "é",
      "😀",
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60, size: "max" }), (text) => {
        fc.pre(!/^[ >]*(?:```|~~~)|<br/m.test(text));
        expect(letters(toPlainText(text))).toBe(letters(text));
      }),
      { numRuns: 1000 },
    );
  });

  it("converts what it produced no further, where no code or escape was in it", () => {
    const unit = fc.constantFrom(
      "a ",
      "**b** ",
      "*c* ",
      "_d_ ",
      "~~e~~ ",
      "[f](https://g.h/_i_) ",
      "\n",
      "\n\n",
      "\n# j ",
      "\n* k ",
      "l_m ",
      "n*o ",
    );
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 40, size: "max" }), (text) => {
        const once = toPlainText(`a ${text}`);
        expect(toPlainText(once)).toBe(once);
      }),
    );
  });

  it.each([
    "*",
    "**a ",
    "*a",
    "a*",
    "***a ",
    "_",
    "_a_ ",
    "__a",
    "~~",
    "`",
    "`a``",
    "[",
    "[](",
    "[a](http://b",
    "[a](http://b)",
    "![",
    "(a)[",
    "<",
    "<a@",
    "<br ",
    "http://",
    "http://a)",
    "\\",
    "#",
    ">",
    "> ",
    "> #",
    "|",
    "|-",
    "|a|\n|-|\n",
    "-",
    "- ",
    "x\n=\n",
    "\n",
    " ",
  ])("takes time in proportion to a hostile text of %j", async (piece) => {
    const make = (characters: number) => {
      const text = piece.repeat(Math.ceil(characters / piece.length));
      return () => [toPlainText(`a${text}b`), toPlainText(text)];
    };
    expect(await growthOf(make, 2000)).toBeLessThan(LINEAR_AT_MOST);
  });

  it("takes time in proportion to links that hold each other", async () => {
    const make = (depth: number) => {
      const text = nested(depth);
      return () => [toPlainText(`a${text}b`), toPlainText(text)];
    };
    expect(await growthOf(make, 500)).toBeLessThan(LINEAR_AT_MOST);
  });

  it("refuses what is not a string", () => {
    expect(() => Reflect.apply(toPlainText, undefined, [undefined])).toThrow(
      expect.toSatisfy((error: unknown) => isOwnlineError(error) && error.code === "invalid_message"),
    );
  });
});
