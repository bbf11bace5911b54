import { describe, expect, it } from "vitest";
import { sqlite } from "../../src/storage/sqlite.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import type { ProviderMessage } from "../../src/transport/transport.ts";
import { breathe, lost, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const DAY_MS = 86_400_000;
const MONTH_MS = 30 * DAY_MS;

interface Scene {
  readonly house: Rig;
  /** Another process over the same ledger. */
  second(options?: RigOptions): Rig;
  /** The storage's clock is so far ahead while something happens, which takes a second. */
  ahead(byMs: number, act: () => Promise<unknown>): Promise<void>;
  /** Passes the time in steps, working on what is due. */
  pass(ms: number, stepMs?: number): Promise<void>;
}

/**
 * A ledger on SQLite, whose clock is the machine's and may be set, beside a process whose own only moves on; and a
 * provider with a list and a clock that is right.
 */
function scene(options: RigOptions = {}): Scene {
  const clock = manualClock();
  let offsetMs = 0;
  const storage = sqlite(":memory:", { clock: { now: () => clock.now() + offsetMs } });
  const entries: ProviderMessage[] = [];
  const open = (more: RigOptions = {}): Rig => {
    const house = rig({ clock, storage, burst: { quietMs: 0 }, ...options, ...more });
    const { send } = house.provider;
    house.provider.send = async (request) => {
      const { from, to, body } = request;
      const providerMessageId = `SM-list-${entries.length + 1}`;
      entries.push({ providerMessageId, from, to, body, mediaCount: 0, status: "sent", createdAt: clock.now() });
      const answer = await send(request);
      return answer.kind === "accepted" ? { ...answer, providerMessageId } : answer;
    };
    house.provider.find = async ({ to, since }) => {
      const messages = entries.filter((entry) => entry.createdAt >= since && (to === undefined || to === entry.to));
      return { messages, asOf: clock.now() };
    };
    return house;
  };
  const house = open();
  return {
    house,
    second: open,
    async ahead(byMs, act) {
      offsetMs = byMs;
      await act();
      await clock.advance(SECOND_MS);
      offsetMs = 0;
    },
    async pass(ms, stepMs = SECOND_MS) {
      for (let left = ms; left > 0; left -= stepMs) {
        await clock.advance(Math.min(stepMs, left));
        await house.sms.processDue();
      }
    },
  };
}

/** A ledger as one process sees it that dies: from then on no call of it is heard, or answered. */
function mortal(storage: Storage): { readonly storage: Storage; die(): void } {
  let hasStopped = false;
  const heard: Storage = new Proxy(storage, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      return hasStopped && typeof value === "function" ? () => new Promise(() => {}) : value;
    },
  });
  return {
    storage: heard,
    die() {
      hasStopped = true;
    },
  };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await breathe();
}

const copiesOf = (body: string, ...houses: readonly Rig[]): number =>
  houses.flatMap(({ provider }) => provider.sent).filter((request) => request.body === body).length;

/** What the errors about a wrong clock say is void. */
const reported = ({ errors }: Rig): (string | undefined)[] =>
  errors.map(({ message }) => /The times of ([^:]+) are void/.exec(message)?.[1]);

/** The provider says by a status callback that a message was delivered. */
async function called({ provider, sms }: Rig, providerMessageId: string): Promise<void> {
  const delivered = { providerMessageId, status: "delivered", rawStatus: "delivered", error: null } as const;
  const callback = { ...delivered, outboundId: null, attempt: null, optOut: false };
  provider.receive = async () => ({ kind: "status", callback });
  const response = await sms.fetch(new Request("https://example.com/sms", { method: "POST", body: "x" }));
  expect(response.status).toBe(200);
}

describe("a ledger whose clock was ahead for a second", () => {
  it("answers every text once and sends every message once", async () => {
    const { house, second, ahead, pass } = scene();
    await using _ = house;
    const reserved = ["r1", "r2", "r3", "r4"];
    for (const [at, body] of reserved.entries()) await house.sms.send({ key: body, to: `+1234567120${at}`, body });
    await house.sms.processDue();
    expect(house.provider.sent).toHaveLength(1);
    await house.text("before", { from: "+12345671301" });

    const dying = mortal(house.storage);
    const neighbour = second({ storage: dying.storage });
    neighbour.script = () => new Promise(() => {});
    neighbour.provider.answers.push(() => new Promise(() => {}));
    await ahead(MONTH_MS, async () => {
      await house.sms.send({ key: "expired", to: "+12345671401", body: "under way when its worker died" });
      await house.text("asked when the worker died", { from: "+12345671302" });
      void neighbour.sms.processDue();
      await until(() => neighbour.asked.length > 0 && neighbour.provider.sent.length > 0);
      dying.die();
      for (const body of ["a1", "a2", "a3"])
        await house.sms.send({ key: body, to: `+12345671${body}`.replace("a", "50"), body });
      await house.text("during", { from: "+12345671303" });
      await house.sms.processDue();
    });
    await pass(2 * MINUTE_MS);

    for (const body of [...reserved, "a1", "a2", "a3", "under way when its worker died"]) {
      expect([body, copiesOf(body, house, neighbour)]).toEqual([body, 1]);
    }
    for (const body of ["before", "asked when the worker died", "during"]) {
      expect([body, copiesOf(`re: ${body}`, house)]).toEqual([body, 1]);
    }
    expect((await house.sms.processDue()).nextDueAt).toBeNull();
    const kinds = ["attempts to send", "heartbeats", "messages", "rate limits", "searches for lost webhooks", "turns"];
    expect(reported(house).toSorted()).toEqual(kinds);
    expect(house.errors[0]).toMatchObject({ code: "storage_clock", party: "storage", retryable: false });
    expect(house.errors[0]?.message).toMatch(
      /synchronize it by NTP: for SQLite and memory it is the clock of this machine/,
    );
    expect(house.errors[0]?.message).toContain("it was 30 days ahead then, or is behind now");
  });

  it("looks a message up whose answer was lost then, and does not send it twice", async () => {
    const { house, ahead, pass } = scene();
    await using _ = house;
    for (const [byMs, downMs] of [
      [MONTH_MS, 2 * DAY_MS],
      [5 * MINUTE_MS, 3 * MINUTE_MS],
    ] as const) {
      const body = `ahead by ${byMs}`;
      await ahead(byMs, async () => {
        house.provider.answers.push(lost);
        await house.sms.send({ key: body, to: PERSON, body });
        await house.sms.processDue();
      });
      await pass(downMs, downMs);
      await pass(15 * MINUTE_MS, 15 * SECOND_MS);
      expect(copiesOf(body, house)).toBe(1);
    }
    expect(house.notices.map(({ kind }) => kind)).toEqual(["unknown", "found", "unknown", "found"]);
  });

  it.each<readonly [call: string, act: (house: Rig) => Promise<unknown>]>([
    ["takes a webhook with a message", (house) => house.text("after")],
    ["stores a message to send", (house) => house.sms.send({ key: "after", to: PERSON, body: "after" })],
    ["takes a status callback", (house) => called(house, "SM-list-1")],
  ])("is reported once by a process that only %s", async (_call, act) => {
    const { house, second, ahead } = scene();
    await using _ = house;
    const other = second();
    await ahead(MONTH_MS, async () => {
      await house.sms.send({ key: "during", to: PERSON, body: "during" });
      await house.sms.processDue();
    });
    await act(other);
    expect(reported(other)).toContain("turns");
    const { length } = other.errors;
    await act(other);
    expect(other.errors).toHaveLength(length);
  });

  it("looks for lost webhooks again at once", async () => {
    const { house, ahead, pass } = scene({ sweep: { everyMs: 10 * MINUTE_MS } });
    await using _ = house;
    let looks = 0;
    house.provider.listInbound = async () => {
      looks += 1;
      return { messages: [], asOf: house.clock.now() };
    };
    await ahead(MONTH_MS, () => house.sms.processDue());
    await pass(SECOND_MS);
    expect(looks).toBe(2);
    expect(reported(house)).toContain("searches for lost webhooks");
    await pass(10 * MINUTE_MS, MINUTE_MS);
    expect(looks).toBe(3);
  });
});
