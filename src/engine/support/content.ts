import { platformHashing } from "../../hmac.ts";
import { wellFormed } from "../../model/well-formed.ts";

/**
 * A text without what providers change: they rewrite line ends, drop blanks at the end of a line or of the text, and
 * compose characters.
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
 * The content by which two `send()` calls with the same key are compared. URLs of media may be signed again for each
 * call, so only their number is compared.
 */
export interface SendContent {
  /** The person's address in its one normalized spelling. */
  readonly to: string;
  readonly from: string;
  readonly body: string;
  readonly mediaCount: number;
}

/** Makes a digest. Without the ledger's secret, the digest reveals nothing of the content. */
export type ContentDigest = (content: SendContent) => Promise<string>;

/**
 * HMAC-SHA-256 under the ledger's own secret. The text is normalized first, as it is for the provider's list: see
 * {@link comparable}.
 */
export function contentDigestFor(secret: string): ContentDigest {
  const sign = platformHashing().signer("sha256", secret, "hex");
  return async ({ to, from, body, mediaCount }) => sign(JSON.stringify([to, from, comparable(body), mediaCount]));
}
