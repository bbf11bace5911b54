import { keepable } from "../sql/statement.ts";
import type { Line } from "./admission.ts";
import { text } from "./fields.ts";
import type { Ledger } from "./judgement/ledger.ts";
import { type Store, sessionOf } from "./store.ts";
import { type Judged, transact } from "./transaction.ts";
import { WorkingSet } from "./working-set.ts";
import { pictureOf, writeChanges } from "./writes.ts";

/** An answer is kept for this long, for a repetition of its call. */
export const FORGOTTEN_AFTER_MS: number = 60 * 60 * 1_000;

/** How one method of the port becomes a transaction. */
export type Method<C, R> = MethodBase<C, R> & (Judging<C, R> | Running<C, R>);

interface Judging<C, R> {
  /** The judgement of the reference storage, over what is loaded. */
  judge(ledger: Ledger, call: C): R;
}

interface Running<C, R> {
  /** In the database itself, where there is nothing to judge. */
  run(set: WorkingSet, call: C): Promise<R>;
}

interface MethodBase<C, R> {
  /** Known to the database: part of the operation's id. */
  readonly name: string;
  /** Where its transactions wait for their turn; `null` for one that does not wait. */
  readonly line: Line | null;
  /** Locks what two of them must not change at once, the conversation first. */
  lock(set: WorkingSet, call: C): Promise<void>;
  /** Loads what `judge` looks at. */
  load?(set: WorkingSet, call: C): Promise<void>;
  /** Whether an answer means that nothing was changed: then nothing is kept, and a repetition is judged anew. */
  changedNothing?(answer: R): boolean;
  /** What else is written, in the transaction or before its commit. */
  finish?(set: WorkingSet, call: C, answer: R): Promise<void>;
}

/**
 * A method that runs once for each operation id: whoever repeats it gets the first answer, which is kept in the same
 * transaction.
 */
export function once<C extends { readonly op: string }, R>(
  store: Store,
  method: Method<C, R>,
): (call: C) => Promise<R> {
  return (call) => {
    const id = keepable(`${method.name} ${call.op}`);
    return transact(store, method.line, async (session): Promise<Judged<R>> => {
      const set = new WorkingSet(store, session, id);
      await method.lock(set, call);
      const [first] = await set.find("operations", { _id: id });
      if (first !== undefined) return { answer: answerIn(JSON.parse(text(first, "answer"))), commits: false };
      await method.load?.(set, call);
      const before = pictureOf(set);
      const answer = "run" in method ? await method.run(set, call) : method.judge(set.ledger, call);
      if (method.changedNothing?.(answer) === true) return { answer, commits: false };
      await method.finish?.(set, call, answer);
      if ("judge" in method) await writeChanges(set, before);
      await keepAnswer(set, id, answer);
      return { answer, commits: true };
    });
  };
}

/** What this method wrote under its own name, so it has the method's type. */
function answerIn<R>({ answer }: { readonly answer: R }): R {
  return answer;
}

/** Keeps an answer, with the conversations that it speaks of, so that it can be forgotten together with them. */
async function keepAnswer(set: WorkingSet, id: string, answer: unknown): Promise<void> {
  const kept = JSON.stringify({ answer });
  const conversationIds = [...set.ledger.conversations.keys()].filter((one) => kept.includes(JSON.stringify(one)));
  const document = { _id: id, at: set.now, answer: kept, conversationIds };
  await set.store.tables.operations.bulkWrite([{ insertOne: { document } }], sessionOf(set.session));
}
