import { diceOf } from "./dice.ts";

let last: Promise<unknown> = Promise.resolve();

/**
 * Runs a task with a `crypto` whose ids and digests come from the seed. So an order by ids is the same in each run, and
 * no digest waits for another thread. Runs never overlap: the next one waits for the last.
 */
export function withSeededCrypto<Result>(seed: number, run: () => Promise<Result>): Promise<Result> {
  const running = last.then(async () => {
    const real = Object.getOwnPropertyDescriptor(globalThis, "crypto");
    const standIn = seededCrypto(seed, globalThis.crypto);
    Object.defineProperty(globalThis, "crypto", { value: standIn, configurable: true, writable: true });
    try {
      return await run();
    } finally {
      if (real === undefined) Reflect.deleteProperty(globalThis, "crypto");
      else Object.defineProperty(globalThis, "crypto", real);
    }
  });
  last = running.catch(() => {});
  return running;
}

type CryptoLike = Pick<Crypto, "getRandomValues" | "randomUUID" | "subtle">;

function seededCrypto(seed: number, real: Crypto): CryptoLike {
  const dice = diceOf(seed ^ 0x5eed1d5);
  const hex = (digits: number) =>
    Array.from({ length: digits }, () => Math.floor(dice.next() * 16).toString(16)).join("");
  const keys = new WeakMap<object, Uint8Array>();
  const subtle = new Proxy(real.subtle, {
    get(target, name) {
      const method: unknown = Reflect.get(target, name);
      if (typeof method !== "function") return method;
      if (name === "importKey") {
        return async (...args: readonly unknown[]): Promise<unknown> => {
          const [format, secret] = args;
          const key: unknown = {};
          if (format !== "raw" || !(secret instanceof Uint8Array) || !isHmacSha256(args[2])) {
            return Reflect.apply(method, target, args);
          }
          if (typeof key === "object" && key !== null) keys.set(key, secret);
          return key;
        };
      }
      if (name === "sign") {
        return async (...args: readonly unknown[]): Promise<unknown> => {
          const [, key, text] = args;
          const secret = typeof key === "object" && key !== null ? keys.get(key) : undefined;
          if (secret === undefined || !(text instanceof Uint8Array)) return Reflect.apply(method, target, args);
          return digestOf(secret, text);
        };
      }
      return method.bind(target);
    },
  });
  return {
    getRandomValues(array) {
      if (!(array instanceof Uint8Array)) return real.getRandomValues(array);
      let bits = 0;
      for (let at = 0; at < array.length; at += 1) {
        bits = at % 4 === 0 ? Math.floor(dice.next() * 2 ** 32) : bits >>> 8;
        array[at] = bits & 255;
      }
      return array;
    },
    randomUUID: () => `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`,
    subtle,
  };
}

function isHmacSha256(algorithm: unknown): boolean {
  if (typeof algorithm !== "object" || algorithm === null) return false;
  return Reflect.get(algorithm, "name") === "HMAC" && Reflect.get(algorithm, "hash") === "SHA-256";
}

/** 32 bytes that differ where the key or the text differs. They are not secure, and need not be in a simulation. */
function digestOf(secret: Uint8Array, text: Uint8Array): ArrayBuffer {
  const digest = new Uint32Array(8);
  for (let lane = 0; lane < digest.length; lane += 1) {
    let hash = 0x811c9dc5 ^ Math.imul(lane + 1, 0x9e3779b1);
    for (const bytes of [secret, text]) for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
    digest[lane] = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  }
  return digest.buffer;
}
