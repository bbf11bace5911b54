import type { StatusRecord } from "../../../storage/storage.ts";
import { equal } from "./assert.ts";
import type { Scene, StorageCase } from "./scene.ts";
import { consentKeyOf, EXPIRY_MS, FREE, PERSON } from "./terms.ts";

const THROTTLED = { code: 30022, reason: "The rate was exceeded." };
const UNREACHABLE = { code: 30003, reason: "The phone could not be reached." };
const RETRY = { firstMs: 1_000, mostMs: 3_000 };

/** A failure after acceptance that the transport reports as temporary. */
function throttled(
  s: Scene,
  id: string,
  attempt = 1,
  status: StatusRecord["status"] = "failed",
): Promise<Awaited<ReturnType<Scene["callback"]>>> {
  return s.callback(id, status, { attempt, error: THROTTLED, retry: RETRY });
}

function retryCase(name: string, run: StorageCase["run"]): StorageCase {
  return { name: `a temporary failure after acceptance: ${name}`, run };
}

/** Messages that the provider accepted, and then reported as temporarily failed. */
export const retryCases: readonly StorageCase[] = [
  retryCase("the message waits in its place, longer each time, and leaves again", async (s) => {
    const id = await s.waiting();
    await s.sent(id);
    for (const [attempt, waitMs] of [1_000, 2_000, 3_000, 3_000].entries()) {
      const delivery = await throttled(s, id, attempt + 1);
      const { message, changed, duplicate, cancelled } = delivery;
      equal([message?.status, message?.error, changed], ["waiting", THROTTLED, true], "the message");
      equal([duplicate, cancelled], [false, []], "what else happened");
      equal(await s.dueIds(), [], "what is due at once");
      s.near((await s.due(10)).nextInMs, waitMs, "when it is due");
      await s.advance(waitMs);
      equal(await s.dueIds(), [id], "what is due then");
      equal(await s.sending(id), attempt + 2, "the next attempt");
      equal((await s.accept(id, attempt + 2)).duplicate, false, "the provider's answer");
    }
    equal(await s.statuses([id]), ["accepted"], "the message");
    equal((await s.callback(id, "delivered", { attempt: 5 })).duplicate, false, "the delivery");
    const { attempts } = await s.storyOf(id);
    equal(
      attempts.map(({ status, error }) => [status, error?.code ?? null]),
      [...Array.from({ length: 4 }, () => ["failed", 30022]), ["delivered", null]],
      "its attempts",
    );
  }),
  retryCase("one that is not called temporary is final", async (s) => {
    const [first, second] = await s.waitingMessages(2);
    await s.sent(first?.id ?? "");
    const delivery = await s.callback(first?.id ?? "", "failed", { error: UNREACHABLE });
    equal([delivery.message?.status, delivery.cancelled.map(({ id }) => id)], ["failed", [second?.id]], "the message");
    equal((await s.claimSend(first?.id ?? "")).outcome, "gone", "another attempt");
  }),
  retryCase("later parts wait for it, and are not cancelled", async (s) => {
    const [first, second] = (await s.waitingMessages(2)).map(({ id }) => id);
    await s.sent(first ?? "");
    equal(await s.dueIds(), [second], "the second part, before the failure");
    await throttled(s, first ?? "");
    equal(await s.dueIds(), [], "what is due");
    equal((await s.claimSend(second ?? "")).outcome, "waiting", "the second part");
    await s.advance(1_000);
    equal(await s.dueIds(), [first], "what is due then");
    await s.accept(first ?? "", await s.sending(first ?? ""));
    equal(await s.dueIds(), [second], "what is due after it");
  }),
  retryCase("later messages wait for it too", async (s) => {
    const [first, second] = [await s.waiting(), await s.waiting()];
    await s.sent(first);
    await throttled(s, first);
    equal((await s.claimSend(second)).outcome, "waiting", "the later message");
    await s.advance(1_000);
    await s.accept(first, await s.sending(first));
    equal(await s.dueIds(), [second], "what is due after it");
  }),
  retryCase("where later parts have left already, it leaves after them", async (s) => {
    const [first, second] = (await s.waitingMessages(2)).map(({ id }) => id);
    await s.sent(first ?? "");
    await s.sent(second ?? "");
    await throttled(s, first ?? "");
    await s.advance(1_000);
    equal(await s.dueIds(), [first], "what is due");
    await s.accept(first ?? "", await s.sending(first ?? ""));
    equal(await s.statuses([first ?? "", second ?? ""]), ["accepted", "accepted"], "both parts");
  }),
  retryCase("an opt-out meanwhile cancels it, and later reports do not bring it back", async (s) => {
    const id = await s.waiting();
    await s.sent(id);
    await throttled(s, id);
    equal(
      (await s.storage.recordInbound(s.stop())).cancelled.map((message) => message.id),
      [id],
      "what the STOP cancels",
    );
    await throttled(s, id, 1, "undelivered");
    equal((await s.claimSend(id)).outcome, "gone", "a claim");
    equal(await s.dueIds(), [], "what is due");
  }),
  retryCase("conditions are judged anew: consent, pause and counters", async (s) => {
    const id = await s.waiting();
    await s.sent(id);
    await throttled(s, id);
    await s.advance(1_000);
    const counter = { key: "k", windowMs: 5_000, max: 0, charge: 1, full: "wait", reason: "Full." } as const;
    equal(
      (await s.claimSend(id, { conditions: { ...FREE, counters: [counter] } })).outcome,
      "waiting",
      "with a full counter",
    );
    await s.advance(5_000);
    const { conversationId } = await s.outbound(id);
    await s.pause(conversationId, { paused: true });
    equal((await s.claimSend(id, { conditions: { ...FREE, unpaused: true } })).outcome, "cancelled", "when paused");
    equal((await s.storage.consent(consentKeyOf(PERSON)))?.state ?? null, null, "consent");
  }),
  retryCase(
    "it is final where the message would be too old by then, and waits no longer than its expiry",
    async (s) => {
      const late = await s.waiting();
      await s.sent(late);
      await s.advance(EXPIRY_MS - 1_000);
      equal((await throttled(s, late)).message?.status, "failed", "a message that expires before it may leave");

      const id = await s.waiting();
      await s.sent(id);
      equal((await throttled(s, id)).message?.status, "waiting", "a message in time");
      await s.advance(EXPIRY_MS);
      equal((await s.claimSend(id)).outcome, "cancelled", "when its time is over");
    },
  ),
  retryCase("late and repeated reports of the failed attempt change nothing", async (s) => {
    const id = await s.waiting();
    await s.sent(id);
    await throttled(s, id);
    equal((await throttled(s, id)).outcome, "repeated", "the same report");
    await s.callback(id, "sent");
    await s.callback(id, "undelivered", { error: UNREACHABLE });
    equal(await s.statuses([id]), ["waiting"], "while it waits");
    await s.advance(1_000);
    const attempt = await s.sending(id);
    await throttled(s, id, 1, "undelivered");
    await s.callback(id, "accepted");
    equal(await s.statuses([id]), ["sending"], "while it is on its way");
    await s.accept(id, attempt);
    await s.callback(id, "sent", { rawStatus: "sent, late" });
    const delivery = await s.callback(id, "failed", { error: UNREACHABLE });
    equal([delivery.message?.status, delivery.duplicate], ["accepted", false], "after it has left");
  }),
  retryCase("one that was delivered after all is not sent again", async (s) => {
    const id = await s.waiting();
    await s.sent(id);
    await throttled(s, id);
    const delivery = await s.callback(id, "delivered");
    equal([delivery.message?.status, delivery.message?.error], ["delivered", null], "the delivery");
    await s.advance(1_000);
    equal([await s.dueIds(), (await s.claimSend(id)).outcome], [[], "gone"], "another attempt");
    const other = await s.waiting();
    await s.sent(other);
    await s.callback(other, "delivered");
    await throttled(s, other);
    equal(await s.statuses([other]), ["delivered"], "a failure after the delivery");
  }),
  retryCase("one that comes before the provider's own answer counts as well", async (s) => {
    const id = await s.waiting();
    await s.sending(id);
    equal((await throttled(s, id)).message?.status, "waiting", "the early callback");
    equal((await s.accept(id)).message?.status, "waiting", "the late answer");
    await s.advance(1_000);
    await s.accept(id, await s.sending(id));
    equal(await s.statuses([id]), ["accepted"], "the message");
  }),
  retryCase("a look into the provider's list counts as well", async (s) => {
    const id = await s.waiting();
    await s.sending(id);
    await s.lose(id);
    const found = {
      kind: "found",
      providerMessageId: "SM-list",
      status: "failed",
      error: THROTTLED,
      retry: RETRY,
    } as const;
    const delivery = await s.sendResult(id, 1, found);
    equal([delivery.message?.status, delivery.message?.error], ["waiting", THROTTLED], "what was found");
    await s.advance(1_000);
    equal(await s.sending(id), 2, "the next attempt");
  }),
  retryCase("an earlier attempt that may have arrived keeps it from leaving again", async (s) => {
    const id = await s.waiting();
    await s.sending(id);
    await s.lose(id);
    await s.resolve(id, "resend");
    await s.accept(id, await s.sending(id));
    await s.callback(id, "accepted", { attempt: 1 });
    const delivery = await throttled(s, id, 2);
    equal([delivery.message?.status, delivery.duplicate], ["accepted", true], "the message");
  }),
  retryCase("an auto-reply is not sent again", async (s) => {
    const autoReply = { ...s.part("a1"), conditions: FREE };
    await s.texted({ autoReply });
    await s.callback("a1", "accepted");
    equal((await throttled(s, "a1")).message?.status, "failed", "the auto-reply");
    equal(await s.dueIds(), [], "what is due");
  }),
  retryCase("what is held, dropped or cancelled stays so", async (s) => {
    for (const [decision, status] of [
      ["hold", "failed"],
      ["drop", "failed"],
    ] as const) {
      const id = await s.waiting();
      await s.sending(id);
      await s.lose(id);
      await s.resolve(id, decision);
      equal((await throttled(s, id)).message?.status, status, decision);
    }
  }),
];
