import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import twilio from "twilio";
import { describe, expect, it } from "vitest";
import { type Hashing, nodeHashing, webHashing } from "../../../src/hmac.ts";
import { signRequest, signWith, verifyRequest, verifyWith } from "../../../src/transport/twilio/signature.ts";

interface Vector {
  readonly name: string;
  readonly authToken: string;
  readonly url: string;
  readonly params?: Record<string, string | string[] | null>;
  readonly rawBody?: string;
  readonly signature: string | null;
  readonly expected: boolean;
}

const { getExpectedTwilioSignature, validateRequest, validateRequestWithBody } = twilio;

function vectors(file: string): Vector[] {
  return JSON.parse(readFileSync(new URL(`../../vectors/${file}`, import.meta.url), "utf8"));
}

const authToken = "12345";
const url = "https://mycompany.com/myapp.php?foo=1&bar=2";
const form = {
  CallSid: "CA1234567890ABCDE",
  Caller: "+14158675309",
  Digits: "1234",
  From: "+14158675309",
  To: "+18005551212",
};
const json = '{"property": "value", "boolean": true}';
const jsonHash = "0a1ff7634d9ab3b95db5c9a2dfe9416e41502b283a80c7cf19632632f96e6620";

const node = nodeHashing();
if (node === undefined) throw new Error("the tests run on Node, which has node:crypto");

describe.each([
  ["node:crypto", node],
  ["Web Crypto", webHashing()],
])("known signatures by %s", (_kind, hashing) => {
  it.each([...vectors("signatures.json"), ...vectors("signatures-libraries.json")].map((v) => [v.name, v] as const))(
    "hold: %s",
    async (_name, { expected, name: _own, ...input }) => {
      expect((await verifyWith(hashing, input)).valid).toBe(expected);
    },
  );

  it("sign the documentation's example as the documentation does", async () => {
    const params = { ...form, Caller: "+14158675310", From: "+14158675310" };
    expect(await signWith(hashing, { authToken, url: "https://example.com/myapp.php?foo=1&bar=2", params })).toBe(
      "L/OH5YylLD5NRKLltdqwSvS0BnU=",
    );
  });
});

describe("both kinds of digests", () => {
  it("give the same bytes for every text, a lone surrogate too", async () => {
    const web = webHashing();
    const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("", "\ud83d", "a\udc00b", "é😀"));
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: "binary", minLength: 1 }), text, async (secret, body) => {
        expect(await web.signer("sha1", secret, "base64")(body)).toBe(node.signer("sha1", secret, "base64")(body));
        expect(await web.signer("sha256", secret, "hex")(body)).toBe(node.signer("sha256", secret, "hex")(body));
        expect(await web.sha256(body)).toBe(node.sha256(body));
        const bytes = new TextEncoder().encode(body);
        expect(await web.sha256(bytes)).toBe(node.sha256(bytes));
      }),
    );
  });
});

describe("the work for one request", () => {
  /** Counts the keys that are imported and the texts that are signed. */
  function counting(): { readonly hashing: Hashing; readonly keys: string[]; readonly texts: string[] } {
    const [keys, texts]: [string[], string[]] = [[], []];
    const signer: Hashing["signer"] = (hash, secret, encoding) => {
      keys.push(secret);
      const sign = node?.signer(hash, secret, encoding);
      return (text) => {
        texts.push(text);
        return sign?.(text) ?? "";
      };
    };
    return { hashing: { ...webHashing(), signer }, keys, texts };
  }

  it("imports a token's key once, and stops at the first spelling, the URL as it is configured", async () => {
    const { hashing, keys, texts } = counting();
    const signature = await signRequest({ authToken, url, params: form });
    for (let i = 0; i < 3; i += 1) {
      expect((await verifyWith(hashing, { authToken, url, params: form, signature })).valid).toBe(true);
    }
    expect(keys).toEqual([authToken]);
    expect(texts).toHaveLength(3);
    expect(texts[0]?.startsWith(url)).toBe(true);
  });

  it("keeps the keys of a bounded number of tokens", async () => {
    const { hashing, keys } = counting();
    for (let i = 0; i < 1001; i += 1) await verifyWith(hashing, { authToken: `token-${i}`, url, signature: "x" });
    await verifyWith(hashing, { authToken: "token-1000", url, signature: "x" });
    expect(keys).toHaveLength(1001);
    await verifyWith(hashing, { authToken: "token-0", url, signature: "x" });
    expect(keys).toHaveLength(1002);
  });

  it("signs no spelling twice", async () => {
    const { hashing, texts } = counting();
    await verifyWith(hashing, { authToken, url: "https://u:p@H.example/España?a='%27 x#rc=2", signature: "x" });
    expect(new Set(texts).size).toBe(texts.length);
    expect(texts.length).toBeLessThanOrEqual(20);
  });
});

describe("the official package as oracle", () => {
  const name = fc.oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
    fc.constantFrom("Body", "From", "Reason", "ReasonConferenceEnded", "a", "A", "__proto__", "toString", "1", "10"),
  );
  const text = fc.oneof(fc.string({ unit: "grapheme", maxLength: 20 }), fc.constantFrom("", "a", "b", " x ", "+"));
  const params = fc
    .array(fc.tuple(name, fc.oneof(text, fc.array(text, { minLength: 1, maxLength: 4 }))), { maxLength: 8 })
    .map((entries): Record<string, string | string[]> => Object.fromEntries(entries));
  const host = fc.constantFrom(
    "example.com",
    "Example.COM",
    "sub.example.co.uk",
    "[::1]",
    "[2001:DB8::1]",
    "127.0.0.1",
  );
  const anyUrl = fc
    .record({
      scheme: fc.constantFrom("https", "http", "HTTPS"),
      user: fc.constantFrom("", "", "user:pass@", "User@", "a%40b:p%3Aw@"),
      host,
      port: fc.constantFrom("", "", ":443", ":80", ":8080", ":1234"),
      path: fc.array(
        fc.constantFrom("a", "B", "España", "%20", "it's", "%27", "%C3%B1", "%zz", "~", "!", "@", ":", "(x)"),
      ),
      query: fc.array(
        fc.tuple(
          fc.constantFrom("q", "r", "s", "Ñ", "x'", "%ff"),
          fc.constantFrom("", "1", "It's+ok", "%27", "a=b", "é", "😀", "%2B", "?"),
        ),
        { maxLength: 3 },
      ),
      mark: fc.constantFrom("", "?"),
    })
    .map(({ scheme, user, host: name_, port, path, query, mark }) => {
      const search = query.length ? `?${query.map((pair) => pair.join("=")).join("&")}` : mark;
      return `${scheme}://${user}${name_}${port}/${path.join("/")}${search}`;
    });

  it("accepts what we sign", async () => {
    await fc.assert(
      fc.asyncProperty(fc.string({ minLength: 1 }), anyUrl, params, async (token, target, fields) => {
        const signature = await signRequest({ authToken: token, url: target, params: fields });
        expect(signature).toBe(getExpectedTwilioSignature(token, target, fields));
        expect(validateRequest(token, signature, target, fields)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it("signs nothing that we refuse, from a record or from URLSearchParams", async () => {
    await fc.assert(
      fc.asyncProperty(anyUrl, params, async (target, fields) => {
        const signature = getExpectedTwilioSignature(authToken, target, fields);
        expect(await verifyRequest({ authToken, url: target, params: fields, signature })).toMatchObject({
          valid: true,
        });
        const search = new URLSearchParams(
          Object.entries(fields).flatMap(([key, v]) => [v].flat().map((x) => [key, x])),
        );
        expect(await verifyRequest({ authToken, url: target, params: search, signature })).toMatchObject({
          valid: true,
        });
      }),
      { numRuns: 300 },
    );
  });

  it("accepts no spelling of a URL that we refuse", async () => {
    await fc.assert(
      fc.asyncProperty(anyUrl, anyUrl, async (target, other) => {
        const spellings = [
          target,
          new URL(target).href,
          target.replaceAll("'", "%27"),
          target.replaceAll("%27", "'"),
          target.replace(/:\d+(?=\/)/, ""),
          target.replace(/(?<=[a-z\d\]])(?=\/[^/]*)/i, ":443"),
          target.replace(/\?.*/, (query) => `?${new URLSearchParams(query)}`),
          other,
        ];
        for (const spelling of spellings) {
          const signature = getExpectedTwilioSignature(authToken, spelling, form);
          if (!validateRequest(authToken, signature, target, form)) continue;
          expect(await verifyRequest({ authToken, url: target, params: form, signature })).toMatchObject({
            valid: true,
          });
        }
      }),
      { numRuns: 300 },
    );
  });

  it("refuses with us what was changed on the way", async () => {
    await fc.assert(
      fc.asyncProperty(anyUrl, params, name, text, async (target, fields, key, value) => {
        const signature = getExpectedTwilioSignature(authToken, target, fields);
        const changed: Record<string, string | string[]> = { ...fields, [`${key}+`]: `${value}!` };
        expect(validateRequest(authToken, signature, target, changed)).toBe(false);
        expect((await verifyRequest({ authToken, url: target, params: changed, signature })).valid).toBe(false);
        expect((await verifyRequest({ authToken: "other", url: target, params: fields, signature })).valid).toBe(false);
        const moved = target.replace("/", "/").replace(/(\?|$)/, "/moved$1");
        expect((await verifyRequest({ authToken, url: moved, params: fields, signature })).valid).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it("agrees with us on JSON bodies, right and wrong", async () => {
    await fc.assert(
      fc.asyncProperty(anyUrl, fc.string({ unit: "binary" }), fc.boolean(), async (target, body, tamper) => {
        const hash = await sha256Hex(body);
        const announced = `${target}${target.includes("?") ? "&" : "?"}bodySHA256=${hash}`;
        const signature = await signRequest({ authToken, url: target, rawBody: body });
        const rawBody = tamper ? `${body} ` : body;
        expect(validateRequestWithBody(authToken, signature, announced, rawBody)).toBe(!tamper);
        expect((await verifyRequest({ authToken, url: announced, rawBody, signature })).valid).toBe(!tamper);
      }),
      { numRuns: 150 },
    );
  });
});

describe("spellings of one URL", () => {
  it.each([
    ["the port dropped", "https://h.example/a", "https://h.example:8443/a"],
    ["the port kept", "https://h.example:8443/a", "https://h.example:8443/a"],
    ["443 added", "https://h.example:443/a", "https://h.example/a"],
    ["80 added", "http://h.example:80/a", "http://h.example/a"],
    ["443 added to an IPv6 host", "https://[2001:db8::1]:443/a", "https://[2001:db8::1]/a"],
    ["the port of an IPv6 host dropped", "https://[2001:db8::1]/a", "https://[2001:db8::1]:9000/a"],
    ["443 for a secure socket", "wss://h.example:443/a", "wss://h.example/a"],
    ["credentials dropped", "https://h.example/a", "https://user:pa:ss@h.example/a"],
    ["credentials dropped and 443 added", "https://h.example:443/a", "https://user:pass@h.example/a"],
    ["credentials kept", "https://user:pass@h.example/a", "https://user:pass@h.example/a"],
    ["the fragment ignored", "https://h.example/a?b=1", "https://h.example/a?b=1#rc=5&rp=all"],
    ["the host in lower case", "https://h.example/A", "HTTPS://H.Example/A"],
    ["the host as configured", "https://H.Example/A", "https://H.Example/A"],
    ["the slash of an empty path", "https://h.example/?a=1", "https://h.example?a=1"],
    ["a quote escaped", "https://h.example/?a=it%27s", "https://h.example/?a=it's"],
    ["a quote unescaped in the path", "https://h.example/it's", "https://h.example/it%27s"],
    ["an accent escaped", "https://h.example/Espa%C3%B1a", "https://h.example/España"],
    ["an accent unescaped", "https://h.example/España?año=1", "https://h.example/Espa%C3%B1a?a%c3%b1o=1"],
    ["a space spelled the other way", "https://h.example/?a=b%20c", "https://h.example/?a=b+c"],
    ["a dollar sign re-encoded", "https://h.example/?a=%24%26&b=$%27", "https://h.example/?a=%24%26&b=$%27"],
  ])("accepts %s", async (_, signed, received) => {
    expect(await holds(signed, received)).toBe(true);
  });

  it.each([
    ["another path case", "https://h.example/a", "https://h.example/A"],
    ["another scheme", "http://h.example/a", "https://h.example/a"],
    ["another host", "https://h.example/a", "https://h.example.evil/a"],
    ["another port", "https://h.example:8444/a", "https://h.example:8443/a"],
    ["a trailing slash", "https://h.example/a", "https://h.example/a/"],
    ["a further query", "https://h.example/a", "https://h.example/a?b=1"],
    ["an escaped percent sign decoded", "https://h.example/a%41", "https://h.example/a%2541"],
    ["an escaped slash decoded", "https://h.example/a/b", "https://h.example/a%2Fb"],
    ["a host that hides behind credentials", "https://h.example/a", "https://h.example@evil.example/a"],
  ])("refuses %s", async (_, signed, received) => {
    expect(await holds(signed, received)).toBe(false);
  });

  it("accepts a fragment that was signed, as the official package does", async () => {
    const whole = "https://h.example/a?b=1#rc=5&rp=all";
    const signature = getExpectedTwilioSignature(authToken, whole, form);
    expect(validateRequest(authToken, signature, whole, form)).toBe(true);
    expect((await verifyRequest({ authToken, url: whole, params: form, signature })).valid).toBe(true);
  });

  it("tries a bounded number, each once", async () => {
    const odd = "HTTPS://us'er:%C3%B1@H.Example:8443/España/%C3%B1/it's/%27?a=It's+%27&b=%c3%b1 x#rc=2";
    const result = await verifyRequest({ authToken, url: odd, params: form, signature: "x" });
    expect(result).toMatchObject({ valid: false });
    if (result.valid) return;
    expect(result.triedUrls.length).toBeLessThanOrEqual(20);
    expect(new Set(result.triedUrls).size).toBe(result.triedUrls.length);
    const plain = await verifyRequest({ authToken, url: "https://h.example/a?b=1", signature: "x" });
    expect(plain).toMatchObject({ triedUrls: ["https://h.example/a?b=1", "https://h.example:443/a?b=1"] });
  });
});

describe("parameters", () => {
  it("signs null and undefined like an empty value", async () => {
    const signature = await signRequest({ authToken, url, params: { A: "", B: "", C: "x" } });
    const params = { A: null, B: undefined, C: "x" };
    expect(await verifyRequest({ authToken, url, params, signature })).toMatchObject({ valid: true });
  });

  it("treats a parameter named __proto__ like any other", async () => {
    const params = new URLSearchParams("__proto__=a&constructor=b");
    const signature = await signRequest({ authToken, url, params });
    expect(await verifyRequest({ authToken, url, params, signature })).toMatchObject({ valid: true });
    expect((await verifyRequest({ authToken, url, params: { constructor: "b" }, signature })).valid).toBe(false);
  });

  it("still signs a form whose URL carries bodySHA256", async () => {
    const announced = `${url}&bodySHA256=${jsonHash}`;
    const bare = await signRequest({ authToken, url: announced });
    for (const rawBody of [undefined, json]) {
      const result = await verifyRequest({ authToken, url: announced, params: form, rawBody, signature: bare });
      expect(result.valid).toBe(false);
    }
    const signature = await signRequest({ authToken, url: announced, params: form });
    expect((await verifyRequest({ authToken, url: announced, params: form, signature })).valid).toBe(true);
  });

  it("lets a form win over a raw body", async () => {
    const signature = await signRequest({ authToken, url, params: form });
    const rawBody = new URLSearchParams(form).toString();
    expect((await verifyRequest({ authToken, url, params: form, rawBody, signature })).valid).toBe(true);
  });
});

describe("a form that is not decoded yet", () => {
  const spoken = { ...form, Body: "Hello & good bye é 😀 + 1%", Empty: "" };
  const rawBody = new URLSearchParams(spoken).toString();

  it.each([
    ["as text", rawBody, undefined],
    ["as bytes", new TextEncoder().encode(rawBody), undefined],
    ["beside parameters without an entry", rawBody, {}],
    ["with spaces as %20", rawBody.replaceAll("+", "%20"), undefined],
  ])("is read %s", async (_, body, params) => {
    const signature = await signRequest({ authToken, url, params: spoken });
    expect(await verifyRequest({ authToken, url, rawBody: body, params, signature })).toMatchObject({ valid: true });
  });

  it("holds by all its parameters, and by no others", async () => {
    const signature = await signRequest({ authToken, url, params: spoken });
    const bare = await signRequest({ authToken, url });
    for (const wrong of [rawBody.replace("Hello", "Bye"), `${rawBody}&a=b`, rawBody.replace("Empty=&", ""), "", "{}"]) {
      if (wrong === rawBody) continue;
      expect((await verifyRequest({ authToken, url, rawBody: wrong, signature })).valid).toBe(false);
    }
    expect((await verifyRequest({ authToken, url, rawBody, signature: bare })).valid).toBe(false);
  });

  it("may have no entries: then the URL alone is signed", async () => {
    const signature = await signRequest({ authToken, url });
    expect((await verifyRequest({ authToken, url, rawBody: "", signature })).valid).toBe(true);
  });

  it("keeps its parameters signed where the URL carries bodySHA256", async () => {
    const announced = `${url}&bodySHA256=${jsonHash}`;
    const bare = await signRequest({ authToken, url: announced });
    for (const body of [rawBody, "", "="]) {
      expect((await verifyRequest({ authToken, url: announced, rawBody: body, signature: bare })).valid).toBe(false);
    }
    const signature = await signRequest({ authToken, url: announced, params: spoken });
    expect((await verifyRequest({ authToken, url: announced, rawBody, signature })).valid).toBe(true);
  });
});

describe("JSON bodies", () => {
  const announced = `${url}&bodySHA256=${jsonHash}`;

  it("adds bodySHA256 to what is signed, as Twilio does", async () => {
    const signature = await signRequest({ authToken, url, rawBody: json });
    expect(signature).toBe("a9nBmqA0ju/hNViExpshrM61xv4=");
    expect(await signRequest({ authToken, url: announced, rawBody: json })).toBe(signature);
    expect((await verifyRequest({ authToken, url: announced, rawBody: json, signature })).valid).toBe(true);
  });

  it("takes bytes as well as text", async () => {
    const rawBody = new TextEncoder().encode(json);
    const signature = await signRequest({ authToken, url, rawBody });
    expect((await verifyRequest({ authToken, url: announced, rawBody, signature })).valid).toBe(true);
  });

  it("refuses a body without bodySHA256, even where empty parameters stand beside it", async () => {
    const signature = await signRequest({ authToken, url });
    for (const params of [undefined, {}, new URLSearchParams(), { A: [] }]) {
      const result = await verifyRequest({ authToken, url, params, rawBody: json, signature });
      expect(result).toMatchObject({ valid: false, reason: expect.stringContaining("bodySHA256") });
    }
  });

  it("refuses an announced body that was not handed over", async () => {
    const signature = await signRequest({ authToken, url: announced });
    const result = await verifyRequest({ authToken, url: announced, signature });
    expect(result).toMatchObject({ valid: false, reason: expect.stringContaining("untouched bytes") });
  });

  it("refuses a right body under a forged signature, and another body under a right one", async () => {
    const signature = await signRequest({ authToken, url: announced });
    expect((await verifyRequest({ authToken, url: announced, rawBody: json, signature: "x" })).valid).toBe(false);
    expect((await verifyRequest({ authToken, url: announced, rawBody: `${json} `, signature })).valid).toBe(false);
  });

  it("believes the last bodySHA256, which is Twilio's own", async () => {
    const twice = `${url}&bodySHA256=${"0".repeat(64)}&bodySHA256=${jsonHash}`;
    const signature = await signRequest({ authToken, url: twice });
    expect((await verifyRequest({ authToken, url: twice, rawBody: json, signature })).valid).toBe(true);
    const planted = `${url}&bodySHA256=${jsonHash}&bodySHA256=${"0".repeat(64)}`;
    const other = await signRequest({ authToken, url: planted });
    expect((await verifyRequest({ authToken, url: planted, rawBody: json, signature: other })).valid).toBe(false);
  });

  it("looks for bodySHA256 in the query only", async () => {
    for (const elsewhere of [`https://h.example/&bodySHA256=${jsonHash}`, `${url}#bodySHA256=${jsonHash}`]) {
      const signature = await signRequest({ authToken, url: elsewhere });
      expect((await verifyRequest({ authToken, url: elsewhere, rawBody: json, signature })).valid).toBe(false);
    }
  });
});

describe("tokens and refusals", () => {
  it("accepts any of several tokens", async () => {
    const signature = await signRequest({ authToken: "new", url, params: form });
    expect((await verifyRequest({ authToken: ["old", "new"], url, params: form, signature })).valid).toBe(true);
    expect((await verifyRequest({ authToken: ["old", "older"], url, params: form, signature })).valid).toBe(false);
  });

  it("throws for a missing token and names the remedy", async () => {
    for (const missing of ["", [], ["good", ""]]) {
      await expect(verifyRequest({ authToken: missing, url, signature: "x" })).rejects.toMatchObject({
        code: "invalid_options",
        message: expect.stringContaining("authToken"),
      });
    }
    await expect(signRequest({ authToken: "", url })).rejects.toMatchObject({ code: "invalid_options" });
  });

  it("says that the header is missing", async () => {
    for (const signature of [null, undefined, ""]) {
      const result = await verifyRequest({ authToken, url, params: form, signature });
      expect(result).toEqual({ valid: false, reason: expect.stringContaining("header is missing"), triedUrls: [] });
    }
  });

  it("refuses what is not an absolute URL instead of throwing", async () => {
    for (const bad of [
      "",
      "/api/webhooks/sms",
      "mycompany.com/a",
      "mailto:a@b",
      "https://",
      "https://[::1",
      "http://a b/",
    ]) {
      const result = await verifyRequest({ authToken, url: bad, params: form, signature: "x" });
      expect(result).toEqual({ valid: false, reason: expect.stringContaining("absolute"), triedUrls: [] });
    }
  });

  it("refuses a signature that is a prefix, longer, or in other case", async () => {
    const signature = await signRequest({ authToken, url, params: form });
    for (const wrong of [signature.slice(0, -1), `${signature}=`, signature.toLowerCase(), ` ${signature}`]) {
      expect((await verifyRequest({ authToken, url, params: form, signature: wrong })).valid).toBe(false);
    }
  });

  it("shows credentials and tokens nowhere", async () => {
    const secret = "https://user:hunter2@mycompany.com/a";
    const refused = await verifyRequest({ authToken: "tok-secret", url: secret, params: form, signature: "x" });
    expect(JSON.stringify(refused)).not.toMatch(/hunter2|user|tok-secret/);
    expect(refused).toMatchObject({ triedUrls: expect.arrayContaining(["https://***@mycompany.com/a"]) });
    const signature = await signRequest({ authToken, url: secret });
    const valid = await verifyRequest({ authToken, url: secret, signature });
    expect(valid).toEqual({ valid: true, matchedUrl: "https://***@mycompany.com/a" });
  });
});

async function sha256Hex(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return Buffer.from(digest).toString("hex");
}

async function holds(signed: string, received: string): Promise<boolean> {
  const signature = await signRequest({ authToken, url: signed, params: form });
  return (await verifyRequest({ authToken, url: received, params: form, signature })).valid;
}
