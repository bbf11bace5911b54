/**
 * The hash functions in use: HMAC-SHA-1 for the signatures of Twilio's webhooks, HMAC-SHA-256 for the keys of consent.
 */
export type HashName = "sha1" | "sha256";

/** Signs a text, as UTF-8, with one key. It returns the signature where the platform is synchronous, else a promise. */
export type Signer = (text: string) => string | Promise<string>;

/** Keyed and plain digests, by the platform's own code. `nodeHashing` and `webHashing` give the same bytes. */
export interface Hashing {
  /** Imports a secret, as UTF-8, once; `hex` is in lower case. */
  signer(hash: HashName, secret: string, encoding: "base64" | "hex"): Signer;
  /** SHA-256 in lower-case hex. */
  sha256(body: string | Uint8Array): string | Promise<string>;
}

/** The functions of `node:crypto` that are used here: https://nodejs.org/api/crypto.html */
interface NodeCrypto {
  createSecretKey(secret: string, encoding: "utf8"): object;
  createHmac(hash: HashName, key: object): NodeDigest;
  createHash(hash: HashName): NodeDigest;
}

interface NodeDigest {
  update(body: string | Uint8Array): NodeDigest;
  digest(encoding: "base64" | "hex"): string;
}

const encoder = new TextEncoder();
const WEB_NAMES = { sha1: "SHA-1", sha256: "SHA-256" } as const;

/**
 * Digests by synchronous `node:crypto`; `undefined` where the runtime has none. A webhook's digest takes a few
 * microseconds with it. With Web Crypto each digest goes to another thread and back, which takes ten times as long.
 */
export function nodeHashing(): Hashing | undefined {
  const module: unknown = typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:crypto");
  if (!isNodeCrypto(module)) return undefined;
  return {
    signer(hash, secret, encoding) {
      const key = module.createSecretKey(secret, "utf8");
      return (text) => module.createHmac(hash, key).update(text).digest(encoding);
    },
    sha256: (body) => module.createHash("sha256").update(body).digest("hex"),
  };
}

/** Digests by Web Crypto, which every runtime has. */
export function webHashing(): Hashing {
  return {
    signer(hash, secret, encoding) {
      const algorithm = { name: "HMAC", hash: WEB_NAMES[hash] };
      const key = crypto.subtle.importKey("raw", encoder.encode(secret), algorithm, false, ["sign"]);
      return async (text) => {
        const digest = new Uint8Array(await crypto.subtle.sign("HMAC", await key, encoder.encode(text)));
        return encoding === "hex" ? hexOf(digest) : btoa(String.fromCharCode(...digest));
      };
    },
    async sha256(body) {
      // A copy, because a Buffer's memory may be shared with a worker, and Web Crypto refuses shared memory.
      const bytes = typeof body === "string" ? encoder.encode(body) : new Uint8Array(body);
      return hexOf(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    },
  };
}

let found: Hashing | undefined;

/** The faster one of the two that the runtime has. */
export function platformHashing(): Hashing {
  found ??= nodeHashing() ?? webHashing();
  return found;
}

function isNodeCrypto(module: unknown): module is NodeCrypto {
  return (
    typeof module === "object" &&
    module !== null &&
    "createSecretKey" in module &&
    typeof module.createSecretKey === "function" &&
    "createHmac" in module &&
    typeof module.createHmac === "function" &&
    "createHash" in module &&
    typeof module.createHash === "function"
  );
}

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
