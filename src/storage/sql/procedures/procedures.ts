import type { ProcedureTexts } from "../procedure.ts";
import { common } from "./common.ts";
import { due } from "./due.ts";
import { erasure } from "./erasure.ts";
import { fact } from "./facts.ts";
import { inbound } from "./inbound.ts";
import { outbound } from "./outbound.ts";
import { pause } from "./pause.ts";
import { query } from "./queries.ts";
import { repair } from "./repair.ts";
import { send } from "./sends.ts";
import { story } from "./story.ts";
import { sweep } from "./sweeps.ts";
import { turn } from "./turns.ts";
import { worker } from "./workers.ts";

/** The SQL of the ledger. Only what writes it into a database or runs it from here may import this folder. */
export const procedures: ProcedureTexts = {
  ...common,
  ...inbound,
  ...outbound,
  ...turn,
  ...send,
  ...fact,
  ...worker,
  ...due,
  ...pause,
  ...query,
  ...repair,
  ...erasure,
  ...story,
  ...sweep,
};
