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

/** Reading the ledger, and the few things that people change in it by hand. */
export interface Admin {
  /** `null` where there is no such conversation. */
  conversation(id: string): Promise<Conversation | null>;
  /**
   * Newest activity first, 50 at a time (`limit`, at most 1000); `after` takes the `cursor` of the page before. One
   * whose row cannot be read is left out, and reported by the `error` event as `storage_corrupt`.
   */
  conversations(page?: Partial<ConversationPage>): Promise<ConversationList>;
  /** A message as it is now, `null` where there is none. */
  message(id: string): Promise<Message | null>;
  /**
   * A conversation's messages by `seq`: upwards from `after`, or downwards from `before`; 100 at a time.
   *
   * @throws OwnlineError `storage_corrupt` where the row of one cannot be read: `error.row` names it
   */
  messages(page: MessagePageInput): Promise<readonly Message[]>;
  /**
   * What is new or has changed in a conversation since the position `after` (0), by `changedSeq` upwards, 100 at a
   * time; a shorter page is the last one. `events()` goes on where this ends. Both leave out a message whose row cannot
   * be read, and report it by the `error` event as `storage_corrupt`.
   */
  changes(page: ChangePageInput): Promise<readonly Message[]>;
  /**
   * A person takes over: the AI is silent, a run is called off, a reply of the AI that waits is cancelled.
   *
   * @throws OwnlineError `not_found`
   */
  pause(conversationId: string): Promise<Conversation>;
  /**
   * Hands the conversation back to the AI. What was said meanwhile is not answered late, unless `answerUnanswered`.
   *
   * @throws OwnlineError `not_found`
   */
  resume(conversationId: string, options?: { readonly answerUnanswered?: boolean }): Promise<Conversation>;
  /**
   * A message's whole story from the ledger, also in sentences; `null` where there is no such message.
   *
   * @throws OwnlineError `storage_corrupt` where a row of the story cannot be read: `error.row` names it
   */
  explain(messageId: string): Promise<Explanation | null>;
  /**
   * Forgets a person, on one line or on all, on SMS, WhatsApp and RCS of the number alike. Late webhooks and callbacks
   * find nothing; an opt-out outlives the data, under a keyed hash of the number.
   *
   * `participant` is a number as people write it, in either spelling of one that is written in two ways, or any
   * participant that `conversations()` returns; repeated, it finds nothing. It works also where rows of the person
   * cannot be read. What the database and the provider keep all the same: docs/guide/privacy.md.
   *
   * @throws OwnlineError `invalid_address` where it is not a number in E.164, and no conversation has it as it is
   * written; `storage_unavailable`, and then call it again: SQLite throws it too where a copy is left in its log
   */
  erase(order: EraseRequest): Promise<Erased>;
  /**
   * Retention: removes up to `limit` (1000) messages older than `olderThanMs` that nothing waits for. Call it again
   * until it says 0.
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
