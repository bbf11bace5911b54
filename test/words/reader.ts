import ts from "typescript";

/** A piece of a file: a name (an identifier, a code, SQL) or a sentence (a comment, a message, a document). */
export interface Piece {
  readonly kind: "name" | "prose";
  readonly text: string;
  readonly at: number;
}

export interface Word {
  readonly kind: Piece["kind"];
  /** In lower case. */
  readonly word: string;
  readonly at: number;
}

const SQL = /^\s*(select|insert|update|delete|create|with|pragma|from|where|join|if|begin|declare|alter|drop)\b/;
const CODE_IN_PROSE = /```[\s\S]*?```|`[^`\n]+`/g;
const WORD = /[A-Z]+(?![a-z])|[A-Z]?[a-z]+/g;
/** After these a slash begins a regular expression, and does not divide. */
const ENDS_A_VALUE: ReadonlySet<ts.SyntaxKind> = new Set([
  ts.SyntaxKind.Identifier,
  ts.SyntaxKind.NumericLiteral,
  ts.SyntaxKind.StringLiteral,
  ts.SyntaxKind.CloseParenToken,
  ts.SyntaxKind.CloseBracketToken,
  ts.SyntaxKind.CloseBraceToken,
]);

/** The pieces of a file, by its extension. Any file that is not TypeScript or JavaScript is prose with code in it. */
export function piecesOf(name: string, text: string): Piece[] {
  if (name.endsWith(".sql")) return [{ kind: "name", text, at: 0 }];
  return /\.[cm]?[jt]s$/.test(name) ? piecesOfCode(text) : piecesOfProse(text, 0);
}

/** The words of a piece: split at capitals, underscores and every other character that is not a letter. */
export function wordsOf({ kind, text, at }: Piece): Word[] {
  return [...text.matchAll(WORD)].map((match) => ({ kind, word: match[0].toLowerCase(), at: at + match.index }));
}

function piecesOfCode(text: string): Piece[] {
  const scanner = ts.createScanner(ts.ScriptTarget.Latest, false, ts.LanguageVariant.Standard, text);
  const pieces: Piece[] = [];
  const templates: number[] = [];
  let braces = 0;
  let before = ts.SyntaxKind.Unknown;
  for (let kind = scanner.scan(); kind !== ts.SyntaxKind.EndOfFileToken; kind = scanner.scan()) {
    if (kind === ts.SyntaxKind.OpenBraceToken) braces += 1;
    if (kind === ts.SyntaxKind.CloseBraceToken) {
      if (templates.at(-1) === braces) {
        kind = scanner.reScanTemplateToken(false);
        if (kind === ts.SyntaxKind.TemplateTail) templates.pop();
      } else braces -= 1;
    }
    if (kind === ts.SyntaxKind.TemplateHead) templates.push(braces);
    if (kind === ts.SyntaxKind.SlashToken && !ENDS_A_VALUE.has(before)) kind = scanner.reScanSlashToken();
    pieces.push(...piecesOfToken(kind, scanner.getTokenText(), scanner.getTokenStart()));
    if (!isTrivia(kind)) before = kind;
  }
  return pieces;
}

function piecesOfToken(kind: ts.SyntaxKind, text: string, at: number): Piece[] {
  switch (kind) {
    case ts.SyntaxKind.Identifier:
    case ts.SyntaxKind.PrivateIdentifier:
      return [{ kind: "name", text, at }];
    case ts.SyntaxKind.SingleLineCommentTrivia:
    case ts.SyntaxKind.MultiLineCommentTrivia:
      return piecesOfProse(text, at);
    case ts.SyntaxKind.StringLiteral:
    case ts.SyntaxKind.NoSubstitutionTemplateLiteral:
    case ts.SyntaxKind.TemplateHead:
    case ts.SyntaxKind.TemplateMiddle:
    case ts.SyntaxKind.TemplateTail: {
      // Escapes such as \n would hang their letter on the next word.
      const plain = text.replace(/\\[a-z]/g, "  ");
      const isSentence = /\S\s+\S/.test(plain.slice(1, -1)) && !SQL.test(plain.slice(1));
      return isSentence ? piecesOfProse(plain, at) : [{ kind: "name", text: plain, at }];
    }
    default:
      return [];
  }
}

function piecesOfProse(text: string, at: number): Piece[] {
  const pieces: Piece[] = [];
  let end = 0;
  for (const match of text.matchAll(CODE_IN_PROSE)) {
    pieces.push({ kind: "prose", text: text.slice(end, match.index), at: at + end });
    pieces.push({ kind: "name", text: match[0], at: at + match.index });
    end = match.index + match[0].length;
  }
  pieces.push({ kind: "prose", text: text.slice(end), at: at + end });
  return pieces;
}

function isTrivia(kind: ts.SyntaxKind): boolean {
  return kind >= ts.SyntaxKind.FirstTriviaToken && kind <= ts.SyntaxKind.LastTriviaToken;
}
