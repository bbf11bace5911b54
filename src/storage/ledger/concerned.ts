import type { Loaded, Plan, Root } from "../database.ts";
import { CorruptRow, isVoid, type UnreadRow } from "./corrupt.ts";
import type { WorkingSet } from "./working-set.ts";

/*
 * Which calls a row concerns that cannot be read. What a lone call loaded, it named; in a group, one call may have loaded
 * what another one does not need.
 */

/** A plan that looks at candidates. */
export interface Choosing extends Plan {
  readonly root: Extract<Root, { readonly by: "due" | "workers" | "unsent" }>;
}

/** Whether a call takes what it finds: then it passes over what cannot be read. */
export function choosesAmong(plan: Plan): plan is Choosing {
  const { by } = plan.root;
  return by === "due" || by === "workers" || by === "unsent";
}

/** Whether a row that cannot be read may be one of this call, by its place in the group. Alone, the call is judged again. */
export function mayConcern({ corrupt, found }: Loaded, index: number): boolean {
  if (corrupt.length === 0) return false;
  const own = found[index] ?? [];
  return corrupt.some(({ conversationId }) => {
    if (conversationId === null || own.includes(conversationId)) return true;
    return !found.some((ids) => ids.includes(conversationId));
  });
}

/** The conversations among candidates that cannot be read, and that were not left out. */
export function unreadCandidates({ root: { without = [] } }: Choosing, { corrupt }: Loaded): readonly UnreadRow[] {
  return corrupt.filter(({ conversationId }) => conversationId !== null && !without.includes(conversationId));
}

/** @throws CorruptRow where a lone call is about a row that cannot be read */
export function refuseCorrupt(plan: Plan, loaded: Loaded, set: WorkingSet): void {
  const rows = loaded.corrupt.filter((each) => concerns(each, plan, loaded, set));
  const row = rows.find((each) => !isVoid(each)) ?? rows[0];
  if (row === undefined) return;
  if (isVoid(row)) throw new CorruptRow(row);
  // A consent does not say which conversation needs it.
  const [conversationId = null] = loaded.found[0] ?? [];
  throw new CorruptRow({ ...row, conversationId: row.conversationId ?? conversationId });
}

/**
 * An opt-out is filed although messages or turns that it stops cannot be read: they cannot leave either, and its consent
 * keeps the person from the next ones.
 */
function concerns({ table, conversationId }: UnreadRow, plan: Plan, { found }: Loaded, set: WorkingSet): boolean {
  if (conversationId === null || !plan.slices.includes("stoppable")) return true;
  const isOwn = found[0]?.includes(conversationId) === true;
  if (plan.root.by !== "address") return isOwn;
  const isRecorded = plan.keys?.some(({ kind, key }) => set.key(kind, key) !== undefined) === true;
  return isRecorded || (isOwn && table === "conversations");
}
