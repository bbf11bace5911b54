import { platformHashing } from "../../hmac.ts";
import { wellFormed } from "../../model/well-formed.ts";

/**
 * A text by what providers leave as it is: they write line ends their own way, drop blanks at the end of a line or of
 * the text, and compose characters.
 */
export function comparable(body: string): string {
  return wellFormed(body)
    .normalize("NFC")
    .replace(/\r\n?|\u2028|\u2029/g, "\n")
    .split("\n")
    .map((line) => line.trimEnd())
    .join("\n")
    .trim();
}

/**
 * What makes a `send()` another one under the same key. URLs of media are signed anew each time, so only their count
 * is.
 */
export interface SendContent {
  /** The one spelling of the person's address. */
  readonly to: string;
  readonly from: string;
  readonly body: string;
  readonly mediaCount: number;
}

/** A digest that shows nothing of the content without the ledger's secret. */
export type ContentDigest = (content: SendContent) => Promise<string>;

/**
 * HMAC-SHA-256 under the ledger's own secret. The text is compared as the provider's list is: see {@link comparable}.
 */
export function contentDigestFor(secret: string): ContentDigest {
  const sign = platformHashing().signer("sha256", secret, "hex");
  return async ({ to, from, body, mediaCount }) => sign(JSON.stringify([to, from, comparable(body), mediaCount]));
}
