import { describe, expect, it } from "vitest";
import { judge, type Verdict } from "./judge.ts";
import type { Entry } from "./ledger.ts";
import { FALLBACK } from "./script.ts";

/** A provider's ledger that is written by hand. Each step is one second. */
function story() {
  const entries: Entry[] = [];
  let now = 0;
  let sids = 0;
  const person = "+12345670001";
  const tick = (ms = 1000) => {
    now += ms;
    return now;
  };
  const self = {
    /** A person's text. It is acknowledged unless `answer` says otherwise. */
    text: (body: string, status: number | null = 200) => self.sent(body).acknowledged(sids, status),
    sent(body: string) {
      sids += 1;
      entries.push({ at: tick(), kind: "text", sid: `SM${sids}`, from: person, to: "us", body });
      return self;
    },
    acknowledged(sid: number, status: number | null = 200) {
      entries.push({ at: tick(), kind: "webhook-answer", sid: `SM${sid}`, attempt: 1, status });
      return self;
    },
    /** A text that the provider took, `wayMs` after the request had left the application. */
    taken(outboundId: string, body: string, attempt = 1, wayMs = 0) {
      sids += 1;
      const outgoing = { outboundId, attempt, from: "us", to: person, body, leftAt: now + 1000 - wayMs };
      const request = String(sids);
      entries.push({ at: tick(), kind: "post", request, ...outgoing });
      entries.push({ at: now, kind: "taken", request, sid: `SM${sids}`, listedAt: now, ...outgoing });
      return self;
    },
    heard(forged = false, answer = 200) {
      entries.push({ at: tick(), kind: "callback", sid: `SM${sids}`, status: "sent", answer, forged });
      return self;
    },
    looked(...shown: string[]) {
      entries.push({ at: tick(), kind: "list", to: person, sids: shown });
      return self;
    },
    lastSid: () => `SM${sids}`,
    verdict: (): Verdict => judge(entries, { graceMs: 1000 }),
    faults: () => self.verdict().violations.map(({ kind }) => kind),
  };
  return self;
}

const one = "#1 fast please";
const two = "#2 fast please";
const answer = (tags: string) => `re: ${tags} w1 done`;

describe("the judge of the fault suite", () => {
  it("finds nothing wrong with texts that were answered once, in order, alone or together", () => {
    const good = story()
      .text(one)
      .taken("ta-1", answer("1"))
      .text(two)
      .text("#3 fast please")
      .taken("tb-1", answer("2,3"));
    expect(good.verdict()).toMatchObject({ violations: [], texts: 3, acknowledged: 3, sent: 2 });
  });

  it("calls an acknowledged text without an answer lost, and no text that was never acknowledged", () => {
    expect(story().text(one).text(two).taken("ta-1", answer("1")).faults()).toEqual(["lost"]);
    expect(story().text(one, 503).text(two, null).verdict()).toMatchObject({ violations: [], unacknowledged: 2 });
  });

  it("calls a text that was answered by two turns, or an answer that no text asked for, duplicated", () => {
    expect(story().text(one).taken("ta-1", answer("1")).taken("tb-1", answer("1")).faults()).toEqual(["duplicated"]);
    expect(story().text(one).taken("ta-1", answer("1")).taken("tb-1", answer("7")).faults()).toEqual(["duplicated"]);
  });

  it("calls a second copy duplicated where the list was not read or showed the first one, or a callback arrived", () => {
    const first = () => story().text(one).taken("ta-1", answer("1"));
    expect(first().taken("ta-1", answer("1"), 2).faults()).toEqual(["duplicated"]);
    const seen = first();
    expect(seen.looked(seen.lastSid()).taken("ta-1", answer("1"), 2).faults()).toEqual(["duplicated"]);
    expect(first().heard().looked().looked().taken("ta-1", answer("1"), 2).faults()).toEqual(["duplicated"]);
  });

  it("counts a second copy without evidence separately", () => {
    const silent = story().text(one).taken("ta-1", answer("1")).looked().taken("ta-1", answer("1"), 2);
    expect(silent.verdict()).toMatchObject({ violations: [], silentDuplicates: 1, sent: 2 });
  });

  it("excuses no second copy of the same attempt, and counts an earlier attempt that arrives late separately", () => {
    const first = () => story().text(one).taken("ta-1", answer("1"), 2).looked();
    expect(first().taken("ta-1", answer("1"), 2).faults()).toEqual(["duplicated"]);
    expect(first().taken("ta-1", answer("1"), 1).verdict()).toMatchObject({ violations: [], frozenDuplicates: 1 });
  });

  it("separately counts a request that was on its way while the list was read", () => {
    const asked = () => story().text(one).looked();
    const late = asked().taken("ta-1", answer("1"), 1, 2500).taken("ta-1", answer("1"), 2);
    expect(late.verdict()).toMatchObject({ violations: [], frozenDuplicates: 1, silentDuplicates: 0 });
    // The request left after the list was read.
    expect(asked().taken("ta-1", answer("1"), 1, 500).taken("ta-1", answer("1"), 2).faults()).toEqual(["duplicated"]);
    // The second request had left before the list showed the first message, and arrived after that.
    const crossing = story().text(one).taken("ta-1", answer("1"));
    const shown = crossing.lastSid();
    crossing.looked().looked(shown).taken("ta-1", answer("1"), 2, 1500);
    expect(crossing.verdict()).toMatchObject({ violations: [], silentDuplicates: 1 });
  });

  it("calls an answer out of order that overtakes the answer to an earlier text", () => {
    const overtaken = story().text(one).text(two).taken("tb-1", answer("2")).taken("ta-1", answer("1"));
    expect(overtaken.faults()).toEqual(["out-of-order"]);
  });

  it("follows the parts of a long reply: swapped, interleaved, and never finished", () => {
    const long = () => story().text("#1 long please").text(two);
    const good = long().taken("ta-1", "re: 1 w1 w2").taken("ta-2", "w3 w4 done").taken("tb-1", answer("2"));
    expect(good.faults()).toEqual([]);
    const swapped = long().taken("ta-2", "w3 w4 done").taken("ta-1", "re: 1 w1 w2").taken("tb-1", answer("2"));
    expect(swapped.faults()).toContain("out-of-order");
    const interleaved = long().taken("ta-1", "re: 1 w1 w2").taken("tb-1", answer("2")).taken("ta-2", "w3 w4 done");
    expect(interleaved.faults()).toEqual(["out-of-order"]);
    expect(long().taken("ta-1", "re: 1 w1 w2").taken("tb-1", answer("2")).faults()).toEqual(["lost"]);
  });

  it("accepts a fallback text for texts that were acknowledged in another order than they were sent", () => {
    const three = "#3 fast please";
    const burst = () => story().sent(one).sent(two).sent(three).acknowledged(1).acknowledged(3);
    const late = burst().taken("ta-1", FALLBACK).acknowledged(2).taken("tb-1", answer("2"));
    expect(late.faults()).toEqual([]);
    // The one fallback text was sent before the third text came.
    const early = story().text(one).taken("ta-1", FALLBACK).text(two).taken("tb-1", answer("2")).text(three);
    expect(early.faults()).toEqual(["lost"]);
  });

  it("accepts one fallback text for the texts of one turn, and for no more", () => {
    expect(story().text(one).taken("ta-1", FALLBACK).text(two).taken("tb-1", answer("2")).faults()).toEqual([]);
    expect(story().text(one).taken("ta-1", FALLBACK).taken("tb-1", FALLBACK).faults()).toEqual(["duplicated"]);
    // Each of two turns may end with one fallback text.
    expect(story().text(one).text(two).taken("ta-1", FALLBACK).taken("tb-1", FALLBACK).faults()).toEqual([]);
    const late = story().text(one).text(two).taken("tb-1", answer("2")).taken("ta-1", FALLBACK);
    expect(late.faults()).toEqual(["lost", "duplicated"]);
    const before = story().text(one).text(two).text("#3 fast please").taken("ta-1", FALLBACK);
    expect(before.taken("tb-1", answer("1")).taken("tc-1", answer("3")).faults()).toEqual(["lost", "duplicated"]);
  });

  it("accepts no text to a person after the STOP was acknowledged, until there is a START", () => {
    const stopped = story().text(one).text("STOP");
    expect(stopped.faults()).toEqual([]);
    expect(story().text(one).text("STOP").looked().taken("ta-1", answer("1")).faults()).toEqual(["to-opted-out"]);
    const under = story().text(one).text("STOP").taken("ta-1", answer("1"));
    expect(under.verdict()).toMatchObject({ violations: [], underWayAtStop: 1, underWayAtStopMs: 1000 });
    const onItsWay = story().text(one).text("STOP").looked().taken("ta-1", answer("1"), 1, 3000);
    expect(onItsWay.verdict()).toMatchObject({ violations: [], underWayAtStop: 1, underWayAtStopMs: 2000 });
    const back = story().text("STOP").text("START").text(one);
    expect(back.faults()).toEqual(["lost"]);
    expect(back.taken("ta-1", answer("1")).faults()).toEqual([]);
  });

  it("finds a forged callback that was acknowledged", () => {
    const first = () => story().text(one).taken("ta-1", answer("1"));
    expect(first().heard(true, 403).faults()).toEqual([]);
    expect(first().heard(true, 200).faults()).toEqual(["forged"]);
  });
});
