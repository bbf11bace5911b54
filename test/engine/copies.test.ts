import { describe, expect, it } from "vitest";
import type { Media } from "../../src/model/message.ts";
import type { Policy } from "../../src/policy/policy.ts";
import { OURS, PERSON, type Rig, type RigOptions, rig } from "./rig.ts";

const NOW = { burst: { quietMs: 0 } };

/** Changes all that it can reach: texts, lists and what hangs below them. */
function spoil(value: unknown, seen = new Set<unknown>()): void {
  if (typeof value !== "object" || value === null || seen.has(value)) return;
  seen.add(value);
  for (const key of Object.keys(value)) {
    const inner: unknown = Reflect.get(value, key);
    if (typeof inner === "string") Reflect.set(value, key, "a text that was never sent");
    else if (typeof inner === "number") Reflect.set(value, key, -1);
    else spoil(inner, seen);
  }
  if (Array.isArray(value)) value.length = 0;
}

/** One text with a picture, answered: what the ledger has, what left, and what the last listener was given. */
async function storyOf(house: Rig): Promise<string> {
  const { conversationId } = await house.text("hello there", {
    media: [{ url: "https://example.com/1.jpg", contentType: "image/jpeg" }],
  });
  await house.sms.settled();
  const stored = await house.sms.messages({ conversationId });
  const shown = {
    stored: stored.map(({ direction, from, to, body, media, status }: Shown) => [
      direction,
      from,
      to,
      body,
      media,
      status,
    ]),
    sent: house.provider.sent.map(({ from, to, body }) => ({ from, to, body })),
    asked: house.asked.map(({ turn }) => [
      turn.sender,
      turn.participant,
      turn.messages.map(({ body, media }) => [body, media]),
    ]),
    history: house.asked.map(({ turn }) => turn.history.map(({ role, text }) => [role, text])),
    messages: house.messages.map(({ body }) => body),
    statuses: house.statuses.map(({ body, status }) => [body, status]),
    turns: house.turns.map(({ outcome, answered, replies }) => [outcome, answered.length, replies.length]),
    errors: house.errors.map(({ message }) => message),
  };
  return JSON.stringify(shown, null, 1);
}

interface Shown {
  readonly direction: string;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  readonly media: readonly Media[];
  readonly status?: string;
}

const untouched = async () => {
  await using house = rig(NOW);
  return await storyOf(house);
};

const spoiler: Policy = {
  name: "spoiler",
  inbound(text) {
    spoil(text);
    return null;
  },
  turn(turn) {
    spoil(turn);
    return null;
  },
  send(message) {
    spoil(message);
    return null;
  },
};

describe("what the service's own code is given, and changes", () => {
  it.each<[string, RigOptions]>([
    ["a policy", { policies: [spoiler, { ...spoiler, name: "second" }] }],
    [
      "history.select, where it returns what it was given",
      {
        history: {
          select(history, turn) {
            const kept = structuredClone(history);
            spoil(turn);
            spoil(history);
            return kept;
          },
        },
      },
    ],
    [
      "options.autoReply",
      {
        autoReply(text) {
          spoil(text);
          return null;
        },
      },
    ],
  ])("changes neither the ledger, nor what leaves, nor what comes after it: %s", async (_, options) => {
    await using house = rig({ ...NOW, ...options });
    expect(await storyOf(house)).toBe(await untouched());
  });

  it("changes nothing as a listener, neither for the next listener", async () => {
    await using house = rig(NOW);
    const plain = await untouched();
    let calls = 0;
    for (const name of ["message", "status", "turn", "notice", "consent"] as const) {
      // The rig's own listeners come first; these change what they get, and the last ones see it unchanged.
      house.sms.on(name, (shown: object) => {
        calls += 1;
        spoil(shown);
      });
    }
    const after: string[] = [];
    house.sms.on("message", ({ body }) => after.push(body));
    house.sms.on("status", ({ to, from }) => after.push(`${from} ${to}`));
    house.sms.on("turn", ({ answered, replies }) => after.push(`${answered.length} ${replies.length}`));
    expect(await storyOf(house)).toBe(plain);
    expect(calls).toBeGreaterThan(3);
    expect(new Set(after)).toEqual(new Set(["hello there", "re: hello there", `${OURS} ${PERSON}`, "1 1"]));
  });

  it("shows each policy the text as it came, also where the one before it changed its own copy", async () => {
    const seen: string[] = [];
    const reader: Policy = {
      name: "reader",
      inbound({ body, media }) {
        seen.push(`inbound ${body} ${media.length}`);
        return null;
      },
      turn({ history }) {
        seen.push(`turn ${history.map(({ body }) => body).join()}`);
        return null;
      },
      send({ message, conversation }) {
        seen.push(`send ${message?.body} ${conversation.participant}`);
        return null;
      },
    };
    await using house = rig({ ...NOW, policies: [spoiler, reader] });
    await house.text("hello there");
    await house.sms.settled();
    expect(new Set(seen)).toEqual(
      new Set(["inbound hello there 0", "turn hello there", `send re: hello there ${PERSON}`]),
    );
  });
});
