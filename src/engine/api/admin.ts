import { OwnlineError } from "../../errors.ts";
import type { Conversation } from "../../model/conversation.ts";
import { newId } from "../../model/ids.ts";
import type { Message } from "../../model/message.ts";
import type { ConversationList, ConversationPage, Erased } from "../../storage/storage.ts";
import type { EngineContext } from "../support/context.ts";
import { reportProblems } from "../support/problems.ts";
import type { Scheduler } from "../worker/wake-ups.ts";
import type { Worker } from "../worker/worker.ts";
import { type EraseRequest, eraseOrder } from "./erase.ts";
import { type Explanation, explain } from "./explain.ts";
import {
  type ChangePageInput,
  checkErasure,
  checkedChangePage,
  checkedConversationPage,
  checkedId,
  checkedMessagePage,
  checkedResume,
  checkedRetention,
  type MessagePageInput,
} from "./inputs.ts";

/** Reads of the ledger, and the few changes that an operator makes by hand. */
export interface Admin {
  /**
   * A conversation; `null` where there is none with this id.
   *
   * @throws OwnlineError `storage_corrupt` where its row cannot be read: `error.row` names the row
   */
  conversation(id: string): Promise<Conversation | null>;
  /**
   * The conversations, newest activity first, 50 at a time (`limit`, at most 1000). `after` takes the `cursor` of the
   * previous page. A conversation whose row cannot be read is left out. The `error` event reports it as
   * `storage_corrupt`.
   */
  conversations(page?: Partial<ConversationPage>): Promise<ConversationList>;
  /**
   * A message in its current state; `null` where there is none with this id.
   *
   * @throws OwnlineError `storage_corrupt` where a row of its story cannot be read: `error.row` names the row
   */
  message(id: string): Promise<Message | null>;
  /**
   * A conversation's messages by `seq`: upwards from `after`, or downwards from `before`; 100 at a time.
   *
   * @throws OwnlineError `storage_corrupt` where the row of a message cannot be read: `error.row` names the row
   */
  messages(page: MessagePageInput): Promise<readonly Message[]>;
  /**
   * The messages of a conversation that are new or have changed since the position `after` (0), by `changedSeq`
   * upwards, 100 at a time. A shorter page is the last one. `events({ after })` continues from the last message's
   * `changedSeq`. Both calls leave out a message whose row cannot be read. The `error` event reports it as
   * `storage_corrupt`.
   */
  changes(page: ChangePageInput): Promise<readonly Message[]>;
  /**
   * Lets an operator take over the conversation. The AI is silent, a current run ends, and waiting replies of the AI
   * are cancelled.
   *
   * @throws OwnlineError `not_found`; `storage_corrupt` where a row of the conversation cannot be read
   */
  pause(conversationId: string): Promise<Conversation>;
  /**
   * Hands the conversation back to the AI. The AI does not answer texts that came during the pause, unless
   * `answerUnanswered` is true.
   *
   * @throws OwnlineError `not_found`; `storage_corrupt` where a row of the conversation cannot be read
   */
  resume(conversationId: string, options?: { readonly answerUnanswered?: boolean }): Promise<Conversation>;
  /**
   * A message's whole story from the ledger, also in sentences; `null` where there is no such message.
   *
   * @throws OwnlineError `storage_corrupt` where a row of the story cannot be read: `error.row` names the row
   */
  explain(messageId: string): Promise<Explanation | null>;
  /**
   * Erases a person's data on one line or on all lines, for SMS, WhatsApp and RCS of the number. Late webhooks and
   * callbacks find nothing. An opt-out stays in the ledger under a keyed hash of the number.
   *
   * `participant` is a number as people write it, or any participant that `conversations()` returns. Where a number has
   * two spellings, both work. A repeated call finds nothing. The call also erases rows that cannot be read. What the
   * database and the provider still keep: docs/guide/privacy.md.
   *
   * @throws OwnlineError `invalid_address` where `participant` is not a number in E.164, and no conversation has the
   * address as it is written; `storage_unavailable`: call it again then. SQLite also throws it where its log still
   * holds a copy
   */
  erase(order: EraseRequest): Promise<Erased>;
  /**
   * Retention: removes up to `limit` (1000) messages that are older than `olderThanMs` and that nothing waits for. Call
   * it again until it returns 0 messages.
   */
  purge(order: { readonly olderThanMs: number; readonly limit?: number }): Promise<Erased>;
}

export function createAdmin(
  { storage, reporter }: Pick<EngineContext, "storage" | "reporter">,
  { worker, scheduler, open }: { readonly worker: Worker; readonly scheduler: Scheduler; open(): Promise<unknown> },
): Admin {
  return {
    async conversation(id) {
      checkedId(id, "conversation", "the conversation's id");
      await open();
      return storage.conversation(id);
    },

    async conversations(page = {}) {
      const checkedPage = checkedConversationPage(page);
      await open();
      const list = await storage.conversations(checkedPage);
      reportProblems({ storage, reporter });
      return list;
    },

    async messages(page) {
      const checkedPage = checkedMessagePage(page);
      await open();
      return storage.messages(checkedPage);
    },

    async changes(page) {
      const checkedPage = checkedChangePage(page);
      await open();
      const messages = await storage.changes(checkedPage);
      reportProblems({ storage, reporter });
      return messages;
    },

    async message(id) {
      checkedId(id, "message", "the message's id");
      await open();
      return (await storage.story(id))?.message ?? null;
    },

    async pause(conversationId) {
      checkedId(conversationId, "pause", "the conversation's id");
      await open();
      const paused = await storage.setPaused({
        callId: newId("o"),
        conversationId,
        paused: true,
        skipUnanswered: false,
      });
      if (paused === null) throw unknownConversation();
      worker.callOff(conversationId);
      return paused;
    },

    async resume(conversationId, options) {
      checkedId(conversationId, "resume", "the conversation's id");
      const { answerUnanswered = false } = checkedResume(options);
      await open();
      const resumed = await storage.setPaused({
        callId: newId("o"),
        conversationId,
        paused: false,
        skipUnanswered: !answerUnanswered,
      });
      if (resumed === null) throw unknownConversation();
      worker.wake();
      await scheduler.schedule(undefined, 0);
      return resumed;
    },

    async explain(messageId) {
      checkedId(messageId, "explain", "the message's id");
      await open();
      const story = await storage.story(messageId);
      return story === null ? null : explain(story);
    },

    async erase(order) {
      checkErasure(order);
      const erase = eraseOrder(order);
      await open();
      return erase(storage);
    },

    async purge(order) {
      const { olderThanMs, limit } = checkedRetention(order);
      await open();
      return storage.purge({ callId: newId("o"), olderThanMs, limit });
    },
  };
}

function unknownConversation(): OwnlineError {
  return new OwnlineError(
    "not_found",
    "there is no conversation with this id: it was erased, or the id is another ledger's",
  );
}
