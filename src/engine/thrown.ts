/** Whatever was thrown, for a line of the debug log. Never throws itself: not everything can be made a string. */
export function describeThrown(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? (thrown.stack ?? thrown) : thrown);
  } catch {
    return "something was thrown that cannot be shown";
  }
}
