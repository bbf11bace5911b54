import { prepare, type Statement } from "./statement.ts";

/**
 * The procedures of the SQL ledger: lists of statements, by name. An operation is one batch of one or more of them.
 * This half of the ledger knows their names and parameters, rows in and out; `procedures/` holds their SQL, which a
 * database may keep in the place of the code.
 */
export type ProcedureName =
  | "common.settle"
  | "common.answer"
  | "common.answerOnce"
  | "inbound.take"
  | "inbound.consent"
  | "inbound.message"
  | "inbound.pending"
  | "inbound.silence"
  | "inbound.autoReply"
  | "inbound.cancel"
  | "inbound.answer"
  | "outbound.record"
  | "turn.claim"
  | "turn.commit"
  | "turn.release"
  | "send.judge"
  | "send.pace"
  | "send.move"
  | "send.finish"
  | "fact.report"
  | "fact.finding"
  | "fact.event"
  | "fact.absence"
  | "fact.refusal"
  | "fact.slowDown"
  | "fact.silence"
  | "fact.resolution"
  | "fact.change"
  | "fact.laterParts"
  | "fact.optOut"
  | "fact.finish"
  | "worker.beat"
  | "worker.finish"
  | "due.work"
  | "due.rivals"
  | "pause.set"
  | "query.conversation"
  | "query.consent"
  | "query.counters"
  | "query.conversations"
  | "query.newestConversations"
  | "query.messagesAfter"
  | "query.messagesBefore"
  | "query.changes"
  | "repair.requeue"
  | "repair.suspect"
  | "repair.suspected"
  | "erasure.erase"
  | "erasure.purge"
  | "story.read"
  | "sweep.claim"
  | "sweep.recorded"
  | "sweep.commit";

/** Statements with `:name` parameters, each on one line, by procedure. */
export type ProcedureTexts = Readonly<Record<ProcedureName, readonly string[]>>;

/** The part of the texts whose names begin with one word. */
export type ProceduresOf<Word extends string> = Pick<ProcedureTexts, Extract<ProcedureName, `${Word}.${string}`>>;

/** What a driver runs: the statements of a procedure, prepared. */
export type Procedures = (name: ProcedureName) => readonly Statement[];

/** Prepares each procedure when it is asked for the first time. */
export function procedureBook(textsOf: (name: ProcedureName) => readonly string[]): Procedures {
  const prepared = new Map<ProcedureName, readonly Statement[]>();
  return (name) => {
    const known = prepared.get(name);
    if (known !== undefined) return known;
    const fresh = textsOf(name).map(prepare);
    prepared.set(name, fresh);
    return fresh;
  };
}
