import { participantKeyOf } from "../../model/person-address.ts";
import type { LedgerDatabase, Plan, StoredAnswer } from "../database.ts";
import type { ClaimedTurn, RecordedInbound, Storage } from "../storage.ts";
import { batching } from "./batching.ts";
import { changes, conversations, due } from "./lists.ts";
import {
  heartbeatPlan,
  inboundPlan,
  markUnknownPlan,
  outboundPlan,
  pausePlan,
  requeuePlan,
  resolutionPlan,
  sendClaimPlan,
  sendRecordPlan,
  statusPlan,
  sweepPlan,
  turnClaimPlan,
  turnCommitPlan,
  turnReleasePlan,
} from "./plans.ts";
import { claimSend } from "./rules/admission.ts";
import { recordSend, recordStatus } from "./rules/attempts.ts";
import { heartbeat } from "./rules/heartbeat.ts";
import { recordInbound } from "./rules/inbound.ts";
import { recordOutbound } from "./rules/outbound.ts";
import { setPaused } from "./rules/pause.ts";
import { markUnknown, requeueTurn } from "./rules/recovery.ts";
import { resolve } from "./rules/resolution.ts";
import { claimSweep, commitSweep } from "./rules/sweep.ts";
import { claimTurns, commitTurn, releaseTurn } from "./rules/turns.ts";
import { answerIn, storedForm } from "./stored-answer.ts";
import { type UnreadableRows, unreadableRows } from "./unreadable.ts";
import type { WorkingSet } from "./working-set.ts";

interface Method<Input, Answer> {
  plan(input: Input, call: string): Plan;
  rule(set: WorkingSet, input: Input, call: string): Answer;
  /**
   * Whether the answer is stored for a repetition of the call. Otherwise the rule answers the repetition from the rows.
   */
  keeps(answer: Answer): boolean;
  /** The form of the answer that a repetition gets. @default the answer itself */
  readonly repeated?: (answer: Answer) => Answer;
}

type Run = <Input, Answer>(call: string, input: Input, method: Method<Input, Answer>) => Promise<Answer>;

/** The ledger over a database: the rules decide, the database keeps the rows. */
export function ledgerOver(database: LedgerDatabase): Storage {
  const unreadable = unreadableRows(database.name);
  const run = runner(database, unreadable);

  /** Notes a row that cannot be read. The caller gets an error that names the row. */
  async function asked<Answer>(answer: Promise<Answer>): Promise<Answer> {
    try {
      return await answer;
    } catch (error) {
      throw unreadable.refusal(error);
    }
  }

  /** A method whose input has a call id. */
  function once<Input extends { readonly callId: string }, Answer>(
    name: string,
    plan: Method<Input, Answer>["plan"],
    rule: Method<Input, Answer>["rule"],
    repeated: (answer: Answer) => Answer = asItIs,
  ): (input: Input) => Promise<Answer> {
    const method: Method<Input, Answer> = { plan, rule, keeps: changedSomething, repeated };
    return (input) => run(`${name} ${input.callId}`, input, method);
  }

  const inbound = { plan: inboundPlan, rule: recordInbound, keeps: hasMoreThanRows };
  const outbound = { plan: outboundPlan, rule: recordOutbound, keeps: () => false };

  return {
    name: database.name,
    problems: unreadable.problems,
    migrate: () => database.migrate(),
    open: () => database.open(),
    close: () => database.close(),

    recordInbound: (record) => run(`recordInbound ${record.callId ?? crypto.randomUUID()}`, record, inbound),
    recordOutbound: (record) => run(`recordOutbound ${record.callId ?? crypto.randomUUID()}`, record, outbound),

    claimTurns: once("claimTurns", turnClaimPlan, claimTurns, withoutHistory),
    commitTurn: once("commitTurn", turnCommitPlan, commitTurn),
    releaseTurn: once("releaseTurn", turnReleasePlan, releaseTurn),
    heartbeat: once("heartbeat", heartbeatPlan, heartbeat),
    setPaused: once("setPaused", pausePlan, setPaused),

    claimSend: once("claimSend", sendClaimPlan, claimSend),
    recordSend: once("recordSend", sendRecordPlan, recordSend),
    recordStatus: once("recordStatus", statusPlan, recordStatus),
    resolve: once("resolve", resolutionPlan, resolve),
    requeueTurn: once("requeueTurn", requeuePlan, requeueTurn),
    markUnknown: once("markUnknown", markUnknownPlan, markUnknown),
    claimSweep: once("claimSweep", sweepPlan, claimSweep),
    commitSweep: once("commitSweep", sweepPlan, commitSweep),

    due: (query) => asked(due(database, unreadable, query)),
    competingAttempts: (query) => asked(database.competingAttempts(query)),
    counters: (keys) => asked(unreadable.discarding(database, () => database.counters(keys))),
    consent: (key) => asked(database.consent(key)),
    conversation: (id) => asked(database.conversation(id)),
    conversations: (page) => asked(conversations(database, unreadable, page)),
    messages: (page) => asked(database.messages(page)),
    changes: (page) => asked(changes(database, unreadable, page)),
    story: (messageId) => asked(database.story(messageId)),
    unrecorded: (keys) => asked(database.unrecorded(keys)),

    erase: ({ callId, participant, line }) => {
      return asked(database.erase({ callId, participantKey: participantKeyOf(participant), line }));
    },
    purge: (order) => asked(database.purge(order)),
  };
}

/** If two calls with the same id are under way at once, the ledger decides one of them, and both get its answer. */
function runner(database: LedgerDatabase, unreadable: UnreadableRows): Run {
  const submit = batching(database, unreadable);
  return <Input, Answer>(call: string, input: Input, method: Method<Input, Answer>) =>
    new Promise<Answer>((resolvePromise, reject) => {
      submit({
        plan: method.plan(input, call),
        decide(set) {
          const known = set.storedAnswer();
          if (known !== undefined) {
            const first = answerIn<Answer>(known, call);
            return { answer: first, stored: null, settle: () => resolvePromise(first) };
          }
          const answer = method.rule(set, input, call);
          const stored = method.keeps(answer) ? storedAnswer(set, call, (method.repeated ?? asItIs)(answer)) : null;
          return { answer, stored, settle: () => resolvePromise(answer) };
        },
        reject,
      });
    });
}

function asItIs<Answer>(answer: Answer): Answer {
  return answer;
}

/**
 * With the history, each claim would store the messages a second time. A caller that repeats a claim reads them by
 * `messages()`.
 */
function withoutHistory(turns: readonly ClaimedTurn[]): readonly ClaimedTurn[] {
  return turns.map((turn) => ({ ...turn, history: null }));
}

function storedAnswer(set: WorkingSet, call: string, answer: unknown): StoredAnswer {
  const stored = storedForm(answer);
  const conversationIds = [...set.conversations.rows.keys()].filter((id) => stored.includes(JSON.stringify(id)));
  return { call, answer: stored, conversationIds };
}

/** Calls with these outcomes changed nothing, so a repetition may be decided anew. */
const NOTHING_CHANGED: ReadonlySet<unknown> = new Set(["lost", "gone", "unmatched"]);

function changedSomething(answer: unknown): boolean {
  if (answer === null || answer === false || (Array.isArray(answer) && answer.length === 0)) return false;
  return typeof answer !== "object" || !("outcome" in answer) || !NOTHING_CHANGED.has(answer.outcome);
}

/**
 * The rows show which message was recorded. Only the answer shows a change of consent and the messages that it
 * cancelled.
 */
function hasMoreThanRows({ outcome, cancelled, consentChanged }: RecordedInbound): boolean {
  return outcome === "recorded" && (consentChanged || cancelled.length > 0);
}
