/** Debian's Chromium, and what keeps it to itself. */
export const CHROMIUM = "/usr/bin/chromium";

export const FLAGS: readonly string[] = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
