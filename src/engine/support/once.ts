/** More keys than any process meets; beyond, the oldest one is forgotten and may be reported again. */
const LIMIT = 10_000;

/** Whether a key is new to this process: for what is reported once, however often it is met. */
export function firstTime(limit: number = LIMIT): (key: string) => boolean {
  const known = new Set<string>();
  return (key) => {
    if (known.has(key)) return false;
    known.add(key);
    const [oldest] = known.size > limit ? known : [];
    if (oldest !== undefined) known.delete(oldest);
    return true;
  };
}
