import type { Media } from "./message.ts";

// Most texts contain no surrogate. This test is five times faster than the search for a lone surrogate.
const ANY_SURROGATE = /[\ud800-\udfff]/;
// With the u flag, a pair is one character, so the pattern matches only a lone half.
const LONE_SURROGATE = /\p{Surrogate}/gu;

/**
 * Replaces each lone surrogate by U+FFFD. A lone surrogate is half of an emoji, as `slice()` may leave it. UTF-8 cannot
 * encode a lone surrogate. So the provider would get and list U+FFFD, and the stored text would not match the list.
 *
 * Nothing else changes: control characters (NUL too), line endings and unnormalized letters stay as they are, because
 * every storage can store them and a form can carry them. It does the same as `String.prototype.toWellFormed()`
 * (https://tc39.es/ecma262/#sec-string.prototype.towellformed), in runtimes without it too. Idempotent.
 */
export function wellFormed(text: string): string {
  return ANY_SURROGATE.test(text) ? text.replace(LONE_SURROGATE, "\ufffd") : text;
}

/** {@link wellFormed} for the URLs and types of media. */
export function wellFormedMedia(media: readonly Media[]): readonly Media[] {
  return media.map(({ url, contentType }) => ({ url: wellFormed(url), contentType: wellFormed(contentType) }));
}
