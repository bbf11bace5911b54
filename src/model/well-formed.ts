import type { Media } from "./message.ts";

// Most texts hold no surrogate at all: this test is five times faster than the search for a lone one.
const ANY_SURROGATE = /[\ud800-\udfff]/;
// With the u flag a pair is one character, so only a lone half matches.
const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * The text with U+FFFD in the place of each lone surrogate: half of an emoji, as `slice()` leaves it. UTF-8 has no form
 * for a lone surrogate, so the provider would get U+FFFD and list it, and the stored text would not match the list.
 *
 * Nothing else changes: control characters (NUL too), line endings and unnormalized letters stay as they are, since
 * every storage keeps them and a form carries them. The same as `String.prototype.toWellFormed()`
 * (https://tc39.es/ecma262/#sec-string.prototype.towellformed), in runtimes without it too. Idempotent.
 */
export function wellFormed(text: string): string {
  return ANY_SURROGATE.test(text) ? text.replace(LONE_SURROGATE, "\ufffd") : text;
}

/** The same for the URLs and types of media. */
export function wellFormedMedia(media: readonly Media[]): readonly Media[] {
  return media.map(({ url, contentType }) => ({ url: wellFormed(url), contentType: wellFormed(contentType) }));
}
