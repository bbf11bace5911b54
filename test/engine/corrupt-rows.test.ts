import { DatabaseSync } from "node:sqlite";
import { describe, expect, it } from "vitest";
import { isOwnlineError } from "../../src/errors.ts";
import { sqlite } from "../../src/storage/sqlite.ts";
import { manualClock } from "../../src/testing/manual-clock.ts";
import { corruptIn } from "../storage/corrupt-file.ts";
import { breathe, lost, OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const QUIET_MS = 3_000;
const MINUTE_MS = 60_000;
const PEOPLE = Array.from({ length: 20 }, (_, at) => `+155501990${String(at + 1).padStart(2, "0")}`);
/** The one in the middle, so that others come before and after. */
const BROKEN = PEOPLE[10] ?? "";
const OTHERS = PEOPLE.filter((person) => person !== BROKEN).toSorted();

interface House extends Rig {
  readonly database: DatabaseSync;
  /** Breaks a row, found by SQL. */
  breakRow(table: string, find: string): Promise<{ mend(): Promise<void> }>;
}

/** A service over a real SQLite, whose file other programs can write to. */
function house(options: RigOptions = {}): House {
  const clock = manualClock();
  const database = new DatabaseSync(":memory:");
  const storage = sqlite(database, { clock });
  // At the rate limit of one number, twenty answers take twenty seconds.
  const own = rig({ burst: { quietMs: QUIET_MS }, sending: { rateLimit: false }, ...options, clock, storage });
  return Object.assign(own, {
    database,
    async breakRow(table: string, find: string) {
      const found = database.prepare(find).get();
      const id = Object.values(found ?? {}).join(" ");
      const { mend } = await corruptIn(database, { table, id });
      return { mend: () => mend(database) };
    },
  });
}

const CONVERSATION = `(select id from ownline_conversations where participant = '${BROKEN}')`;

const REMEDY = expect.stringMatching(/restore the row from a backup, or call erase\(\)/);

interface Broken {
  readonly what: string;
  readonly table: string;
  /** Before all people text: what makes the row. */
  before?(sms: House): Promise<void>;
  /** The fields that name the row. */
  readonly find: string;
  /** Whether the person is answered all the same, since nothing of the answer needs the row. */
  readonly isAnswered?: boolean;
}

const ROWS: readonly Broken[] = [
  {
    what: "a conversation",
    table: "conversations",
    find: `select id from ownline_conversations where id = ${CONVERSATION}`,
  },
  {
    what: "a text",
    table: "messages",
    find: `select id from ownline_messages where conversation_id = ${CONVERSATION} and status is null`,
  },
  {
    what: "a message that waits to be sent",
    table: "messages",
    async before({ sms }) {
      await sms.send({ key: "news", to: BROKEN, body: "We close at nine." });
    },
    find: `select id from ownline_messages where conversation_id = ${CONVERSATION} and status = 'waiting'`,
  },
  {
    what: "an attempt",
    table: "attempts",
    async before(own) {
      await own.sms.send({ key: "news", to: BROKEN, body: "We close at nine." });
      own.provider.answers.push(lost);
      await own.sms.processDue();
    },
    find: `select outbound_id, attempt from ownline_attempts where conversation_id = ${CONVERSATION}`,
  },
  {
    what: "an open turn",
    table: "turns",
    async before(own) {
      const answer = own.script;
      own.script = () => {
        throw new Error("the AI is away");
      };
      await own.type("first", BROKEN);
      await own.clock.advance(QUIET_MS);
      await own.sms.processDue();
      own.script = answer;
      own.errors.length = 0;
      own.asked.length = 0;
    },
    find: `select id from ownline_turns where conversation_id = ${CONVERSATION}`,
  },
  {
    what: "a key",
    table: "keys",
    find: `select kind, key from ownline_keys where ref = (
      select id from ownline_messages where conversation_id = ${CONVERSATION} order by seq limit 1)`,
    isAnswered: true,
  },
];

async function everyoneTexts(own: House): Promise<void> {
  for (const person of PEOPLE) await own.type("hello", person);
  await own.clock.advance(QUIET_MS);
}

function answered({ provider }: Rig): readonly string[] {
  return provider.sent
    .filter(({ body }) => body.startsWith("re: "))
    .map(({ to }) => to)
    .toSorted();
}

function corruptErrors({ errors }: Rig) {
  return errors.filter((error) => isOwnlineError(error) && error.code === "storage_corrupt");
}

describe("a row that cannot be read", () => {
  it.each(ROWS)(
    "holds up no other conversation, and is reported once: $what",
    async ({ table, before, find, isAnswered }) => {
      await using own = house();
      await before?.(own);
      await everyoneTexts(own);
      const { mend } = await own.breakRow(table, find);
      const first = await own.sms.processDue();
      expect(answered(own)).toEqual(isAnswered === true ? [...PEOPLE].toSorted() : OTHERS);
      // Nothing that is left asks for another look at once.
      expect(first.nextDueAt === null || first.nextDueAt > Date.now()).toBe(true);
      const asked = own.asked.length;
      for (let minutes = 0; minutes < 3; minutes += 1) {
        await own.clock.advance(MINUTE_MS);
        await own.sms.processDue();
      }
      // The AI has been asked for the others, and at most once for the one whose answer could not be stored.
      expect(own.asked.length).toBe(asked);
      // A key is needed only when its text comes again.
      const expected = table === "keys" ? [] : [{ retryable: false, row: { table }, message: REMEDY }];
      expect(corruptErrors(own)).toMatchObject(expected);
      expect(own.errors.map(({ message }) => message).join("\n")).not.toMatch(/\+1\d{7}/);
      expect(own.provider.sent.some(({ body }) => body.startsWith("Sorry"))).toBe(false);
      await mend();
      await own.clock.advance(2 * MINUTE_MS);
      await own.sms.settled();
      expect(answered(own)).toEqual([...PEOPLE].toSorted());
    },
  );

  it("keeps messages from a person whose consent it is, and from no other", async () => {
    await using own = house();
    await own.text("STOP", { from: BROKEN });
    await own.text("START", { from: BROKEN });
    const answer = own.script;
    own.script = async (turn, context) => {
      if (own.asked.length === 1)
        await own.breakRow("consents", "select key from ownline_consents order by key limit 1");
      return answer(turn, context);
    };
    await everyoneTexts(own);
    await own.sms.processDue();
    await own.sms.processDue();
    expect(answered(own)).toEqual(OTHERS);
    expect(corruptErrors(own)).toMatchObject([{ row: { table: "consents" } }]);
    expect(corruptErrors(own)[0]?.message).toMatch(/Do not delete the row/);
    await expect(own.type("are you there?", BROKEN)).rejects.toMatchObject({ code: "storage_corrupt" });
  });

  it("does not end a limit that others share: it begins anew", async () => {
    await using own = house({ sending: { perSecond: 100 } });
    await own.sms.send({ key: "first", to: PERSON, body: "We open at nine." });
    await own.sms.processDue();
    await everyoneTexts(own);
    await own.breakRow("rateLimits", "select key from ownline_rate_limits");
    await own.breakRow("counters", "select key from ownline_counters where key = 'rateLimit'");
    await own.sms.settled();
    expect(answered(own)).toEqual([...PEOPLE].toSorted());
    expect(corruptErrors(own).map((error) => Object(error).row.table)).toEqual(
      expect.arrayContaining(["counters", "rateLimits"]),
    );
  });

  it("is reported beside another whose masked id is the same", async () => {
    await using own = house();
    for (const number of ["+15550199011", "+15550199111"]) {
      const news = { key: number, to: PERSON, body: "We open at nine." };
      await own.sms.send(news);
      await own.breakRow("keys", `select kind, key from ownline_keys where key like '%${number}'`);
      await expect(own.sms.send(news)).rejects.toMatchObject({ code: "storage_corrupt" });
    }
    await own.sms.processDue();
    const row = { table: "keys", id: expect.stringMatching(/\+1555…11$/) };
    expect(corruptErrors(own)).toMatchObject([{ row }, { row }]);
  });

  it("is reported again where it breaks again after its repair", async () => {
    await using own = house();
    for (const body of ["hello", "and again"]) {
      await own.type(body, BROKEN);
      await own.clock.advance(QUIET_MS);
      const { mend } = await own.breakRow("conversations", "select id from ownline_conversations");
      await own.sms.processDue();
      await mend();
      await own.clock.advance(2 * MINUTE_MS);
      await own.sms.settled();
    }
    expect(answered(own)).toEqual([BROKEN, BROKEN]);
    expect(corruptErrors(own)).toHaveLength(2);
  });

  it("does not slow the loop of start() down", async () => {
    await using own = house();
    await everyoneTexts(own);
    await own.breakRow("messages", ROWS[1]?.find ?? "");
    await own.sms.start();
    for (let looks = 0; looks < 50 && answered(own).length < OTHERS.length; looks += 1) await breathe();
    // No time has passed on the clock that the worker waits on.
    expect(answered(own)).toEqual(OTHERS);
  });

  it("fails the calls that are about it, and lets the person be erased", async () => {
    await using own = house();
    const { id, conversationId } = await own.type("hello", BROKEN);
    await own.type("hello", PERSON);
    await own.breakRow("conversations", `select id from ownline_conversations where id = '${conversationId}'`);
    await own.breakRow("messages", `select id from ownline_messages where id = '${id}'`);
    const refused = { code: "storage_corrupt", party: "storage", retryable: false };
    await expect(own.type("again", BROKEN)).rejects.toMatchObject(refused);
    await expect(own.text("again", { from: BROKEN })).rejects.toThrow("503");
    await expect(own.sms.messages({ conversationId })).rejects.toMatchObject({
      ...refused,
      row: { id, table: "messages" },
    });
    await expect(own.sms.explain(id)).rejects.toMatchObject(refused);
    await expect(own.sms.pause(conversationId)).rejects.toMatchObject(refused);
    const listed = await own.sms.conversations();
    expect(listed.conversations.map(({ participant }) => participant)).toEqual([PERSON]);
    expect(await own.sms.changes({ conversationId })).toEqual([]);
    expect(corruptErrors(own)).toMatchObject([{ row: { table: "conversations" } }, { row: { table: "messages" } }]);
    expect(await own.sms.erase({ participant: BROKEN })).toEqual({ conversations: 1, messages: 1 });
    await own.text("hello anew", { from: BROKEN });
    await own.clock.advance(MINUTE_MS);
    await own.sms.settled();
    expect(answered(own)).toEqual([BROKEN, PERSON].toSorted());
  });

  it("asks neither the AI nor sends the fallback text where it is in the history", async () => {
    await using own = house({ answer: { attempts: 1 } });
    await own.type("hello");
    await own.sms.settled();
    const { mend } = await own.breakRow("messages", "select id from ownline_messages order by seq limit 1");
    await own.type("and now?");
    await own.clock.advance(QUIET_MS);
    for (let minutes = 0; minutes < 3; minutes += 1) {
      await own.sms.processDue();
      await own.clock.advance(MINUTE_MS);
    }
    expect([own.asked.length, own.provider.sent.length]).toEqual([1, 1]);
    expect(corruptErrors(own)).toHaveLength(1);
    await mend();
    await own.clock.advance(2 * MINUTE_MS);
    await own.sms.settled();
    expect(own.provider.sent.map(({ from, body }) => [from, body])).toEqual([
      [OURS, "re: hello"],
      [OURS, "re: and now?"],
    ]);
  });

  it.each([
    ["turns", "select id from ownline_turns"],
    ["conversations", "select id from ownline_conversations"],
  ])("lets the turn wait for the repair where it breaks in %s while the AI answers", async (table, find) => {
    await using own = house({ answer: { attempts: 1 } });
    const answer = own.script;
    let mend = async (): Promise<void> => {};
    own.script = async (turn, context) => {
      if (own.asked.length === 1) ({ mend } = await own.breakRow(table, find));
      return answer(turn, context);
    };
    await own.type("hello");
    await own.clock.advance(QUIET_MS);
    for (let minutes = 0; minutes < 3; minutes += 1) {
      await own.sms.processDue();
      await own.clock.advance(MINUTE_MS);
    }
    expect([own.asked.length, own.provider.sent.length]).toEqual([1, 0]);
    expect(own.errors).toMatchObject([{ code: "storage_corrupt", row: { table } }]);
    await mend();
    await own.clock.advance(2 * MINUTE_MS);
    await own.sms.settled();
    expect(own.provider.sent.map(({ body }) => body)).toEqual(["re: hello"]);
  });

  it("does not stop the search for lost webhooks", async () => {
    await using own = house();
    await own.text("STOP", { from: BROKEN });
    const { mend } = await own.breakRow("consents", "select key from ownline_consents order by key limit 1");
    const listed = [BROKEN, PERSON].map((from, at) => ({
      key: `AC1:SMlost${at}`,
      providerMessageId: `SMlost${at}`,
      from,
      to: OURS,
      service: null,
      body: "hello?",
      media: [],
      optOut: null,
      occurredAt: own.clock.now(),
    }));
    own.provider.listInbound = async () => ({ messages: listed, asOf: own.clock.now() + 400_000 });
    await own.clock.advance(MINUTE_MS);
    await own.sms.processDue();
    expect(own.messages.filter(({ body }) => body === "hello?")).toMatchObject([{ from: PERSON }]);
    const unstored = corruptErrors(own).filter(({ message }) => message.includes("SMlost0"));
    expect(unstored).toMatchObject([{ retryable: false, row: { table: "consents" } }]);
    await mend();
    await own.clock.advance(2 * MINUTE_MS);
    await own.sms.processDue();
    const found = own.messages.filter(({ body }) => body === "hello?");
    expect(found.map(({ from }) => from).toSorted()).toEqual([BROKEN, PERSON].toSorted());
  });

  it("has a webhook refused until it is repaired, and the same webhook stored then", async () => {
    await using own = house();
    const { conversationId } = await own.type("hello", BROKEN);
    const { mend } = await own.breakRow(
      "conversations",
      `select id from ownline_conversations where id = '${conversationId}'`,
    );
    const again = { from: BROKEN, sid: "SMagain" };
    await expect(own.text("are you there?", again)).rejects.toThrow("503");
    await mend();
    await own.text("are you there?", again);
    await own.clock.advance(2 * MINUTE_MS);
    await own.sms.settled();
    expect(answered(own)).toEqual([BROKEN]);
    expect(await own.sms.messages({ conversationId })).toMatchObject([
      { body: "hello" },
      { body: "are you there?" },
      { direction: "outbound" },
    ]);
  });

  it("of a consent has a STOP refused until it is repaired, and the same STOP counts then", async () => {
    await using own = house();
    await own.text("STOP", { from: BROKEN });
    await own.text("START", { from: BROKEN });
    const { mend } = await own.breakRow("consents", "select key from ownline_consents order by key limit 1");
    const stop = { from: BROKEN, sid: "SMstop" };
    await expect(own.text("STOP", stop)).rejects.toThrow("503");
    await mend();
    await own.text("STOP", stop);
    await expect(own.sms.send({ key: "news", to: BROKEN, body: "We close at nine." })).rejects.toMatchObject({
      code: "opted_out",
    });
  });

  it("is left out by events(), which brings the rest and reports it", async () => {
    await using own = house();
    const { id, conversationId } = await own.type("one", BROKEN);
    await own.type("two", BROKEN);
    await own.breakRow("messages", `select id from ownline_messages where id = '${id}'`);
    for await (const { body } of own.sms.events({ conversationId })) {
      expect(body).toBe("two");
      break;
    }
    expect(corruptErrors(own)).toMatchObject([{ row: { table: "messages", id } }]);
  });
});
