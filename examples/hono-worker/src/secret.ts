const encoder = new TextEncoder();

/**
 * Whether two texts are the same. The time does not show where they differ or how long they are, because every byte of
 * their hashes is compared.
 */
export async function isSame(given: string, expected: string): Promise<boolean> {
  const [left, right] = await Promise.all([given, expected].map(sha256));
  if (left === undefined || right === undefined) return false;
  let difference = 0;
  for (const [index, byte] of left.entries()) difference |= byte ^ (right[index] ?? 0);
  return difference === 0;
}

/** The token after `Bearer` in an Authorization header; the empty text where there is none. */
export function bearerOf(authorization: string | undefined): string {
  return /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1] ?? "";
}

/**
 * A pass for reading events, valid until `expiresAt`. An EventSource can send no header, so the browser keeps the pass
 * in a cookie. Making a pass needs the secret, and the pass does not show the secret.
 */
export async function makePass(secret: string, expiresAt: number): Promise<string> {
  return `${expiresAt}.${await signature(secret, expiresAt)}`;
}

/** Whether a pass was made with this secret and is still valid. */
export async function isGoodPass(pass: string, secret: string, now: number): Promise<boolean> {
  const [, digits = "", signed = ""] = /^(\d{1,15})\.([0-9a-f]{64})$/.exec(pass) ?? [];
  const expiresAt = Number(digits);
  const isOurs = await isSame(signed, await signature(secret, expiresAt));
  return isOurs && expiresAt > now;
}

async function signature(secret: string, expiresAt: number): Promise<string> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), { name: "HMAC", hash: "SHA-256" }, false, [
    "sign",
  ]);
  const signed = await crypto.subtle.sign("HMAC", key, encoder.encode(`read events until ${expiresAt}`));
  return Array.from(new Uint8Array(signed), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function sha256(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", encoder.encode(text)));
}
