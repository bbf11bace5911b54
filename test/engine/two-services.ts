import { expect } from "vitest";
import { type Ownline, ownline } from "../../src/index.ts";
import type { Storage } from "../../src/storage/storage.ts";
import { type ManualClock, manualClock } from "../../src/testing/manual-clock.ts";
import type { SendRequest } from "../../src/transport/transport.ts";
import { ledger, scriptedTransport } from "./rig.ts";

export const LINES: readonly [string, string] = ["+15703251809", "+15703251810"];
const PEOPLE: readonly string[] = Array.from({ length: 6 }, (_, index) => `+1234567890${index}`);
export const MINUTE_MS = 60_000;

interface Service {
  readonly sms: Ownline<readonly [string]>;
  readonly line: string;
  readonly sent: readonly SendRequest[];
  readonly asked: string[];
  readonly errors: { code: string; message: string }[];
  readonly statuses: string[];
}

/** A service with a line of its own over a ledger that others use too. */
export function service(storage: Storage, clock: ManualClock, line: string, scope?: string): Service {
  const provider = scriptedTransport();
  const asked: string[] = [];
  const sms = ownline<readonly [string]>({
    senders: [line],
    transport: provider,
    storage,
    clock,
    ai(turn) {
      asked.push(turn.sender);
      return `${line} says: ${turn.messages.map(({ body }) => body).join(" + ")}`;
    },
    sending: { rateLimit: false },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    ...(scope === undefined ? {} : { scope }),
  });
  const errors: Service["errors"] = [];
  const statuses: string[] = [];
  sms.on("error", ({ code, message }) => errors.push({ code, message }));
  sms.on("status", ({ from }) => statuses.push(from));
  return { sms, line, sent: provider.sent, asked, errors, statuses };
}

/** Two services over one ledger. */
export async function shared<Result>(
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

export async function apart(services: readonly [Service, Service], clock: ManualClock): Promise<void> {
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

export async function together(services: readonly [Service, Service], clock: ManualClock): Promise<void> {
  await talk(services);
  await work(services, clock, 6);
  expectOwn(services);
  // The one comes first, so it meets what is the other's.
  expect(services[0].errors).toMatchObject([{ code: "unknown_sender", message: expect.stringContaining("scope: ") }]);
  for (const { message } of services[0].errors)
    for (const number of [...LINES, ...PEOPLE]) expect(message).not.toContain(number);
}
