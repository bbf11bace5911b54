import type { ToolSet } from "ai";
import type { AiContext, AiTurn } from "../ai.ts";

/** What a tool gets as its `context`, together with what `toolsContext` holds for it. */
export interface ToolTurn {
  /** Stable over re-runs of the turn: the base of a tool's idempotency key. The SDK's `toolCallId` is not stable. */
  readonly turnId: string;
  /** 1 for the first run. */
  readonly run: number;
  readonly conversationId: string;
  /** The number that the reply leaves from. */
  readonly sender: string;
  /** The person's address. */
  readonly participant: string;
}

/** The context of each tool, by its name: what `extra` holds for it, and the turn. */
export function toolContexts(
  tools: ToolSet,
  turn: AiTurn,
  extra: Readonly<Record<string, object>> = {},
): Record<string, ToolTurn & object> {
  const { id: turnId, run, conversationId, sender, participant } = turn;
  const shared: ToolTurn = { turnId, run, conversationId, sender, participant };
  return Object.fromEntries(Object.keys(tools).map((name) => [name, { ...extra[name], ...shared }]));
}

/** Tools that notify the engine before they act, and that do not act any more once the run was given up. */
export function watchedTools(tools: ToolSet, context: AiContext, turns: Readonly<Record<string, ToolTurn>>): ToolSet {
  return Object.fromEntries(
    Object.entries(tools).map(([name, tool]) => {
      const { execute } = tool;
      if (execute === undefined) return [name, tool];
      const guarded: typeof execute = (input, toolOptions) => {
        context.signal.throwIfAborted();
        context.toolStarted();
        // Before version 7 the SDK has no context for each tool.
        const known = toolOptions.context ?? turns[name];
        return execute.call(tool, input, { ...toolOptions, context: known, experimental_context: known });
      };
      return [name, { ...tool, execute: guarded }];
    }),
  );
}

/** The tools, for a provider that wants to know what the calls before were about; none of them can be called. */
export function closedTools(tools: ToolSet): { tools: ToolSet; toolChoice: "none" } {
  const entries = Object.entries(tools).map(([name, tool]) => {
    const open = { ...tool };
    delete open.execute;
    return [name, open];
  });
  return { tools: Object.fromEntries(entries), toolChoice: "none" };
}
