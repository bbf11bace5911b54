import type { ProceduresOf } from "../procedure.ts";
import { SETTLE } from "./order.ts";
import { FORGET, READ_ANSWER, SNAPSHOT } from "./steps.ts";

/** What many operations have in common: kept once. An answer is kept for repetitions, or only read. */
export const common: ProceduresOf<"common"> = {
  "common.settle": SETTLE,
  "common.answer": [SNAPSHOT, ...READ_ANSWER],
  "common.answerOnce": [...READ_ANSWER, FORGET],
};
