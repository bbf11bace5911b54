import { describe, expect, it } from "vitest";
import { type OptOutOptions, optOut, optOutWords } from "../../src/policy/opt-out.ts";
import type { InboundSnapshot } from "../../src/policy/policy.ts";
import { countSegments } from "../../src/segments/segments.ts";
import { growthOf, LINEAR_AT_MOST } from "../growth.ts";

function judge(body: string, more: Partial<InboundSnapshot> = {}, options?: OptOutOptions) {
  return optOut(options).inbound?.({
    origin: "webhook",
    from: "+12345678900",
    to: "+15703251809",
    line: "+15703251809",
    body,
    media: [],
    optOut: null,
    fromOwnSender: false,
    ...more,
  });
}

const replies = { stop: "You are out.", start: "You are in.", help: "Call us." };

describe("optOut", () => {
  it("leaves HELP that was typed in the app to the AI, since no provider sees it", () => {
    expect(judge("help")).toMatchObject({ answer: false });
    expect(judge("help", { origin: "simulated" })).toBeNull();
    expect(judge("help", { origin: "simulated" }, { replies })).toBeNull();
  });

  it("takes STOP that was typed in the app for a STOP", () => {
    expect(judge("stop", { origin: "simulated" })).toMatchObject({ answer: false, consent: "opted-out" });
  });

  it.each([...optOutWords.stop, "stop", " Stop ", "stop\n"])("leaves it to the provider to confirm %j", (body) => {
    expect(judge(body)).toEqual({
      answer: false,
      consent: "opted-out",
      providerBlocks: true,
      reason: expect.any(String),
    });
  });

  it.each([
    "Stop.",
    "“stop”",
    "opt-out",
    "Stop all",
    "STOP 🛑",
    "✋️ stop",
    "S\u20E3T\u20E3O\u20E3P\u20E3",
    "stop 1️⃣",
    "ＳＴＯＰ",
    "st\u200Bop",
    "st\u200Bop tex\u00ADting me",
    "ℹ️ STOP",
    "STOP\u{E0101}",
    "stóp",
    "Stop. Thank you",
    "stop stop STOP",
    "stop\n--\nSent from my iPhone",
    "Cancel, thanks",
    "please stop",
    "Arrêt",
    "stopp",
    "baja",
    "PARAR",
    "stop texting me",
    "Can you please stop texting me?",
    "wrong number, stop texting me",
    "no more texts",
    "no me manden más mensajes",
    "ne m’écrivez plus",
    "não quero mais receber mensagens",
    "keine SMS mehr",
  ])("confirms %j itself, since Twilio knows its own words only", (body) => {
    expect(judge(body)).toMatchObject({ answer: false, consent: "opted-out", reply: expect.stringContaining("START") });
  });

  it.each([
    "no more texts?",
    "stop texting me?",
    "Cancel. Please!",
    "Cancel. Quit.",
    "don't stop texting me",
    "no dejen de escribirme",
    "não me tire da lista",
    "please cancel",
    "stop by at 5",
    "stop sending me to the wrong address",
    "remove me from the 7 pm table",
    "alto",
    "para dos personas",
    "abmelden",
  ])("leaves %j to the AI", (body) => {
    expect(judge(body)).toBeNull();
  });

  it("confirms in one segment, in the language of the phrase", () => {
    const texts = ["please stop", "denme de baja", "ne m'écrivez plus", "sair da lista", "lasst mich in Ruhe"].map(
      (body) => judge(body)?.reply ?? "",
    );
    expect(new Set(texts).size).toBe(5);
    for (const text of texts) expect(countSegments(text)).toMatchObject({ encoding: "GSM-7", segments: 1 });
  });

  it("ignores accents on Latin, Greek and Cyrillic letters, and no mark of another script", () => {
    const words = { stop: ["STOP", "ARRET", "ΤΕΛΟΣ", "СТОП", "बंद"] };
    const isOut = (body: string) => judge(body, {}, { words, languages: [] })?.consent === "opted-out";
    expect(["ARRÊT", "arre\u0302t", "τέλος", "сто́п", "बंद"].filter((body) => !isOut(body))).toEqual([]);
    expect(["बाद", "बद", "arrete"].filter(isOut)).toEqual([]);
  });

  it("takes a word with marks for itself and for its unmarked spelling, not for other marks", () => {
    const isOut = (body: string) => judge(body, {}, { words: { stop: ["STOP", "DỪNG"] } })?.consent === "opted-out";
    expect(["dừng", "DỪNG", "dung"].filter((body) => !isOut(body))).toEqual([]);
    expect(["dụng", "dùng", "đúng", "dưng"].filter(isOut)).toEqual([]);
  });

  it("knows the words and phrases of the chosen languages only, and phrases of your own", () => {
    const german: OptOutOptions = { languages: ["de"], phrases: ["¡Stop the updates!"] };
    expect(judge("keine SMS mehr", {}, german)).toMatchObject({ consent: "opted-out" });
    expect(judge("STOP", {}, german)).toMatchObject({ consent: "opted-out" });
    expect(judge("please, stop the updates", {}, german)).toMatchObject({ consent: "opted-out" });
    expect(judge("baja", {}, german)).toBeNull();
    expect(judge("no more texts", {}, german)).toBeNull();
  });

  describe("typed in the app", () => {
    const typed = { origin: "simulated" } as const;

    it.each(["START", "unstop", "YES"])("never opts in by %j", (body) => {
      expect(judge(body, typed)).toBeNull();
    });

    it.each(["stop", "STOPALL", "unsubscribe", "opt out", "please stop texting me", "arrêt"])(
      "opts out by %j",
      (body) => {
        expect(judge(body, typed)).toMatchObject({ answer: false, consent: "opted-out" });
      },
    );

    it.each(["Cancel", "end", "QUIT", "revoke", "Cancel, thanks"])("leaves %j to the AI", (body) => {
      expect(judge(body, typed)).toBeNull();
    });
  });

  it("takes no message of more than 600 characters or 40 words for a refusal", () => {
    expect(judge("stop ".repeat(40))).toMatchObject({ consent: "opted-out" });
    expect(judge("stop ".repeat(41))).toBeNull();
    expect(judge(`stop texting me${"!".repeat(585)}`)).toMatchObject({ consent: "opted-out" });
    expect(judge(`stop texting me${"!".repeat(586)}`)).toBeNull();
  });

  it("confirms nothing to a number of our own", () => {
    const verdict = judge("stop texting me", { fromOwnSender: true });
    expect(verdict).toMatchObject({ answer: false, consent: "opted-out" });
    expect(verdict).not.toHaveProperty("reply");
  });

  it("reads a long message in linear time", async () => {
    const make = (words: number) => {
      const body = "stop ".repeat(words);
      return () => expect(judge(body)).toBeNull();
    };
    expect(await growthOf(make, 10_000)).toBeLessThan(LINEAR_AT_MOST);
  });

  it.each(["START", "start.", "Unstop!"])("opts the person in by %j, unanswered", (body) => {
    expect(judge(body)).toEqual({ answer: false, consent: "opted-in", reason: expect.any(String) });
  });

  it.each(["YES", "yes", " Yes "])("opts in by %j where the provider blocks, and lets the AI see it", (body) => {
    expect(judge(body)).toMatchObject({ answer: true, consent: "opted-in", providerBlocks: true });
    expect(judge(body, { to: "+18005550100" })).toBeNull();
    expect(judge(body, {}, { providerReplies: () => false })).toBeNull();
  });

  it.each(["YES", "Yes!"])("opts in by %j where the provider says so, and lets the AI see it", (body) => {
    expect(judge("Yes!")).toBeNull();
    const reported = judge(body, { optOut: "START" });
    expect(reported).toMatchObject({ answer: true, consent: "opted-in" });
    expect(reported).not.toHaveProperty("providerBlocks");
    expect(judge(body, { to: "38438" }, { replies })).toBeNull();
  });

  it.each(["HELP", "help?", "Info"])("leaves %j to a provider that answers it by itself", (body) => {
    expect(judge(body)).toEqual({ answer: false, reason: expect.any(String) });
  });

  it.each(["38438", "whatsapp:+15703251809"])("answers HELP on %s, where no provider does", (to) => {
    expect(judge("HELP", { to })).toBeNull();
    expect(judge("HELP", { to }, { replies })).toMatchObject({ answer: false, reply: "Call us." });
  });

  it.each([
    "",
    "Please stop by at 7",
    "stopping",
    "yes please",
    "Can you help me?",
    "cancel my booking",
    "I want to quit",
    "🙏",
  ])("has nothing to say about %j", (body) => {
    expect(judge(body)).toBeNull();
  });

  it.each([
    ["STOP", "Arrêt", { answer: false, consent: "opted-out" }],
    ["STOP", "HELP", { answer: false, consent: "opted-out" }],
    ["START", "Abonnieren", { answer: false, consent: "opted-in" }],
    ["HELP", "Ayuda", { answer: false }],
  ] as const)("believes a provider that reports %s for %j, and never answers it again", (reported, body, expected) => {
    const verdict = judge(body, { optOut: reported, to: "38438" }, { replies });
    expect(verdict).toMatchObject(expected);
    expect(verdict).not.toHaveProperty("reply");
  });

  it("confirms by our own texts only where the provider is silent", () => {
    expect(judge("STOP", { to: "38438" }, { replies })).toMatchObject({ consent: "opted-out", reply: "You are out." });
    expect(judge("START", { to: "38438" }, { replies })).toMatchObject({ consent: "opted-in", reply: "You are in." });
    expect(judge("STOP", {}, { replies })).not.toHaveProperty("reply");
    expect(judge("STOP", {}, { replies, providerReplies: () => false })).toMatchObject({ reply: "You are out." });
  });

  it("takes other words, more or fewer", () => {
    const words = { stop: ["STOP", "ARRÊT"], start: ["START"] };
    expect(judge("arrêt", {}, { words })).toMatchObject({ consent: "opted-out" });
    expect(judge("cancel", {}, { words })).toBeNull();
    expect(judge("yes", {}, { words })).toBeNull();
    expect(judge("help", {}, { words })).toMatchObject({ answer: false });
  });

  it.each<[string, OptOutOptions]>([
    ["words.stop", { words: { stop: ["ARRET"] } }],
    ["words.stop[1]", { words: { stop: ["STOP", "leave me"] } }],
    ["words.help[0]", { words: { help: [""] } }],
    ["words.start", { words: { start: ["STOP"] } }],
    ["replies.help", { replies: { help: " " } }],
    ["replies.stop", { replies: { stop: "x".repeat(1601) } }],
    ["languages[0]", { languages: ["xx" as never] }],
    ["phrases[0]", { phrases: ["🛑"] }],
    ["words.start", { words: { start: ["START", "BAJA"] } }],
  ])("refuses a wrong %s: %j", (path, options) => {
    expect(() => optOut(options)).toThrowError(
      expect.objectContaining({ code: "invalid_options", message: expect.stringContaining(`options.${path}: `) }),
    );
  });

  it.each(["ai", "auto-reply", "operator", "api"] as const)("requires consent for messages of origin %s", (origin) => {
    const conversation = { line: "+15703251809", sender: "+15703251809", participant: "+12345678900" };
    expect(optOut().send?.({ origin, pairKey: "p", conversation, message: null })).toEqual({ consent: true });
  });
});
