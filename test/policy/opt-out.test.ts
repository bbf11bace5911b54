import { describe, expect, it } from "vitest";
import { type OptOutOptions, optOut, optOutWords } from "../../src/policy/opt-out.ts";
import type { InboundSnapshot } from "../../src/policy/policy.ts";

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
  it("leaves HELP that was typed in the app to the AI, since no carrier sees it", () => {
    expect(judge("help")).toMatchObject({ answer: false });
    expect(judge("help", { origin: "simulated" })).toBeNull();
    expect(judge("help", { origin: "simulated" }, { replies })).toBeNull();
  });

  it("takes STOP that was typed in the app for a STOP", () => {
    expect(judge("stop", { origin: "simulated" })).toMatchObject({ answer: false, consent: "opted-out" });
  });

  it.each([
    ...optOutWords.stop,
    "stop",
    " Stop. ",
    "STOP!!",
    "“stop”",
    "stop\n",
    "opt-out",
    "Stop all",
    "STOP 🛑",
    "ＳＴＯＰ",
  ])("opts the person out by %j, unanswered", (body) => {
    expect(judge(body)).toEqual({ answer: false, consent: "opted-out", reason: expect.any(String) });
  });

  it.each(["START", "start.", "Unstop!"])("opts the person in by %j, unanswered", (body) => {
    expect(judge(body)).toEqual({ answer: false, consent: "opted-in", reason: expect.any(String) });
  });

  it.each(["YES", "yes", "Yes!"])("opts in by %j, and lets the AI see what is an everyday answer", (body) => {
    expect(judge(body)).toEqual({ answer: true, consent: "opted-in", reason: expect.any(String) });
    expect(judge(body, { optOut: "START" })).toMatchObject({ answer: true, consent: "opted-in" });
    expect(judge(body, { to: "38438" }, { replies })).not.toHaveProperty("reply");
  });

  it.each(["HELP", "help?", "Info"])("leaves %j to a carrier that answers it by itself", (body) => {
    expect(judge(body)).toEqual({ answer: false, reason: expect.any(String) });
  });

  it.each(["38438", "whatsapp:+15703251809"])("leaves nobody without help on %s, where no carrier answers", (to) => {
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
  ] as const)("believes a carrier that reports %s for %j, and never answers it again", (reported, body, expected) => {
    const verdict = judge(body, { optOut: reported, to: "38438" }, { replies });
    expect(verdict).toMatchObject(expected);
    expect(verdict).not.toHaveProperty("reply");
  });

  it("confirms by our own texts only where the carrier is silent", () => {
    expect(judge("STOP", { to: "38438" }, { replies })).toMatchObject({ consent: "opted-out", reply: "You are out." });
    expect(judge("START", { to: "38438" }, { replies })).toMatchObject({ consent: "opted-in", reply: "You are in." });
    expect(judge("STOP", {}, { replies })).not.toHaveProperty("reply");
    expect(judge("STOP", {}, { replies, carrierReplies: () => false })).toMatchObject({ reply: "You are out." });
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
    ["words.stop", { words: { stop: ["STOP", "leave me"] } }],
    ["words.help", { words: { help: [""] } }],
    ["words.start", { words: { start: ["STOP"] } }],
    ["replies.help", { replies: { help: " " } }],
  ])("refuses a wrong %s: %j", (path, options) => {
    expect(() => optOut(options)).toThrowError(
      expect.objectContaining({ code: "invalid_options", message: expect.stringContaining(`\`${path}\``) }),
    );
  });

  it.each(["ai", "auto-reply", "operator", "api"] as const)("requires consent for messages of origin %s", (origin) => {
    const conversation = { line: "+15703251809", sender: "+15703251809", participant: "+12345678900" };
    expect(optOut().send?.({ origin, pairKey: "p", conversation, message: null })).toEqual({ consent: true });
  });
});
