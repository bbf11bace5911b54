/** A random id, safe in URLs and file names: the prefix and 32 hexadecimal digits. It has no dot in it. */
export function newId(prefix: string): string {
  let id = prefix;
  for (const byte of crypto.getRandomValues(new Uint8Array(16))) id += (byte + 256).toString(16).slice(1);
  return id;
}

/**
 * A turn's id: derived from the first text that it answers, so that every run of it has the same; and from how many
 * turns began with that text before, where one was repeated by hand.
 */
export function turnIdOf(firstMessageId: string, earlier: number): string {
  return earlier === 0 ? `t${firstMessageId}` : `t${firstMessageId}.${earlier}`;
}

/** The id of a part of a reply or of a `send()`: derived, so that a second commit of the same part cannot be new. */
export function partIdOf(groupId: string, part: number): string {
  return `${groupId}-${part}`;
}
