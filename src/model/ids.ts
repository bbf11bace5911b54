/**
 * A random id, safe in URLs and file names: the prefix and 32 hexadecimal digits. It has no dot in it.
 *
 * By `randomUUID`, 122 random bits: Node draws those for many ids at once. 16 bytes by `getRandomValues` took 15 µs an
 * id, an eighth of an acknowledged text on memory.
 */
export function newId(prefix: string): string {
  return prefix + crypto.randomUUID().replaceAll("-", "");
}

/**
 * A turn's id: derived from the first text that it answers, so that every run of it has the same; and from how many
 * turns began with that text before, where one was repeated by hand.
 */
export function turnIdOf(firstMessageId: string, earlier: number): string {
  return earlier === 0 ? `t${firstMessageId}` : `t${firstMessageId}.${earlier}`;
}

/** The id of the first message that a turn answers, from the turn's id. */
export function firstMessageIdOf(turnId: string): string {
  return turnId.slice(1).replace(/\.\d+$/, "");
}

/** The id of a part of a reply or of a `send()`: derived, so that a second commit of the same part cannot be new. */
export function partIdOf(groupId: string, part: number): string {
  return `${groupId}-${part}`;
}
