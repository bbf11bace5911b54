import { describe, expect, it } from "vitest";
import { type Ownline, ownline } from "../../src/index.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import type { SendRequest } from "../../src/transport/transport.ts";
import { postgresLedgers } from "../storage/postgres-ledgers.ts";
import { ledger, scriptedCarrier } from "./rig.ts";

const LINES = ["+15703251809", "+15703251810"] as const;
const PEOPLE = Array.from({ length: 6 }, (_, index) => `+1234567890${index}`);
const MINUTE_MS = 60_000;

interface Service {
  readonly sms: Ownline<readonly [string]>;
  readonly line: string;
  readonly sent: readonly SendRequest[];
  readonly asked: string[];
  readonly errors: { code: string; message: string }[];
  readonly statuses: string[];
}

/** A service with a line of its own over a ledger that others use too. */
function service(storage: Storage, clock: ManualClock, line: string, scope?: string): Service {
  const carrier = scriptedCarrier();
  const asked: string[] = [];
  const sms = ownline<readonly [string]>({
    senders: [line],
    transport: carrier,
    storage,
    clock,
    ai(turn) {
      asked.push(turn.sender);
      return `${line} says: ${turn.messages.map(({ body }) => body).join(" + ")}`;
    },
    sending: { pace: false },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...(scope === undefined ? {} : { scope }),
  });
  const errors: Service["errors"] = [];
  const statuses: string[] = [];
  sms.on("error", ({ code, message }) => errors.push({ code, message }));
  sms.on("status", ({ from }) => statuses.push(from));
  return { sms, line, sent: carrier.sent, asked, errors, statuses };
}

/** Two services over one ledger. */
async function shared<Result>(
  scopes: readonly [string | undefined, string | undefined],
  act: (services: readonly [Service, Service], clock: ManualClock) => Promise<Result>,
  open?: (clock: ManualClock) => Storage,
): Promise<Result> {
  const clock = manualClock();
  const storage = open?.(clock) ?? ledger(clock);
  const services = [
    service(storage, clock, LINES[0], scopes[0]),
    service(storage, clock, LINES[1], scopes[1]),
  ] as const;
  try {
    return await act(services, clock);
  } finally {
    for (const { sms } of services) await sms.stop();
    await storage.close();
  }
}

/** Each person talks to both services, and gets a message from both. */
async function talk(services: readonly Service[]): Promise<void> {
  for (const { sms, line } of services) {
    for (const person of PEOPLE) await sms.simulate({ id: `${line} ${person}`, from: person, body: `hello ${line}` });
    for (const person of PEOPLE) await sms.send({ key: `${line} ${person}`, to: person, body: `news of ${line}` });
  }
}

/** Every pass of the one comes before the other's. */
async function work(services: readonly Service[], clock: ManualClock, minutes: number): Promise<void> {
  for (let step = 0; step < minutes * 6; step += 1) {
    for (const { sms } of services) await sms.processDue();
    await clock.advance(MINUTE_MS / 6);
  }
}

function expectOwn(services: readonly Service[]): void {
  for (const { line, sent, asked } of services) {
    expect(new Set(asked)).toEqual(new Set([line]));
    const bodies = PEOPLE.flatMap((to) =>
      [`${line} says: hello ${line}`, `news of ${line}`].map((body) => ({ to, body })),
    );
    expect(sent.map(({ to, body }) => ({ to, body })).toSorted(byText)).toEqual(bodies.toSorted(byText));
    expect(new Set(sent.map(({ from }) => from))).toEqual(new Set([line]));
  }
}

function byText(one: { to: string; body: string }, other: { to: string; body: string }): number {
  return `${one.to} ${one.body}` < `${other.to} ${other.body}` ? -1 : 1;
}

async function apart(services: readonly [Service, Service], clock: ManualClock): Promise<void> {
  const [one, other] = services;
  await talk(services);
  await clock.advance(MINUTE_MS / 6);
  // The other service is away: nothing of it is answered, sent or delayed by the one, and the one has nothing to wait for.
  await one.sms.settled();
  expect(other.sent).toEqual([]);
  expect(one.sent).toHaveLength(2 * PEOPLE.length);
  await other.sms.processDue();
  await other.sms.settled();
  expectOwn(services);
  for (const { line, errors, statuses } of services) {
    expect(errors).toEqual([]);
    expect(new Set(statuses)).toEqual(new Set([line]));
  }
}

async function together(services: readonly [Service, Service], clock: ManualClock): Promise<void> {
  await talk(services);
  await work(services, clock, 6);
  expectOwn(services);
  // The one comes first, so it meets what is the other's.
  expect(services[0].errors).toMatchObject([{ code: "unknown_sender", message: expect.stringContaining("scope: ") }]);
  for (const { message } of services[0].errors)
    for (const number of [...LINES, ...PEOPLE]) expect(message).not.toContain(number);
}

describe("two services over one ledger", () => {
  it("do not touch each other's conversations where each has a scope", async () => {
    await expect(shared(["shop", "clinic"], apart)).resolves.toBeUndefined();
  });

  it("do not touch each other's where one has the common scope", async () => {
    await expect(shared([undefined, "clinic"], apart)).resolves.toBeUndefined();
  });

  it("answer and send nothing of each other in one scope by mistake, and say what to do", async () => {
    await expect(shared([undefined, undefined], together)).resolves.toBeUndefined();
  });

  it("end settled() beside what is the other's, and answer it when the other service comes", () =>
    shared([undefined, undefined], async ([one, other], clock) => {
      await other.sms.simulate({ id: "1", from: "+12345678900", body: "hello" });
      await clock.advance(MINUTE_MS);
      await one.sms.settled();
      expect([one.sent, one.asked]).toEqual([[], []]);
      await other.sms.settled();
      expect(other.sent.map(({ body }) => body)).toEqual([`${LINES[1]} says: hello`]);
    }));

  it("go on with a conversation that was filed under another scope", async () => {
    const clock = manualClock();
    const storage = ledger(clock);
    const before = service(storage, clock, LINES[0]);
    await before.sms.simulate({ id: "1", from: "+12345678900", body: "one" });
    await before.sms.settled();
    await before.sms.send({ key: "1", to: "+12345678900", body: "news" });
    await before.sms.stop();
    const after = service(storage, clock, LINES[0], "shop");
    await after.sms.simulate({ id: "2", from: "+12345678900", body: "two" });
    await after.sms.settled();
    expect(after.sent.map(({ body }) => body)).toEqual(["news", `${LINES[0]} says: two`]);
    await after.sms.close();
  });

  it("keep each other's keys apart", () =>
    shared(["shop", "clinic"], async ([one, other]) => {
      const first = await one.sms.send({ key: "order-1", to: "+12345678900", body: "shop" });
      const second = await other.sms.send({ key: "order-1", to: "+12345678900", body: "clinic" });
      expect(second.id).not.toBe(first.id);
      expect((await one.sms.send({ key: "order-1", to: "+12345678900", body: "shop" })).id).toBe(first.id);
    }));
});

describe("two services over one PostgreSQL", () => {
  it.each([
    ["with two scopes touch nothing of each other", ["shop", "clinic"], apart],
    ["in one scope answer and send nothing of each other, and say what to do", [undefined, undefined], together],
  ] as const)("%s", async (_name, scopes, act) => {
    const ledgers = await postgresLedgers();
    try {
      await expect(shared(scopes, act, (clock) => ledgers.open({ clock }))).resolves.toBeUndefined();
    } finally {
      await ledgers.dispose();
    }
  });
});
