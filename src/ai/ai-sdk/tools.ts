import type { ToolSet } from "ai";
import type { AiContext, AiTurn } from "../ai.ts";

/** The `context` of a tool, together with the tool's fields in `toolsContext`. */
export interface ToolTurn {
  /**
   * The same in each run of the turn, so a tool can make its idempotency key from it. The SDK's `toolCallId` is not the
   * same.
   */
  readonly turnId: string;
  /** 1 for the first run. */
  readonly run: number;
  readonly conversationId: string;
  /** The number that the reply leaves from. */
  readonly sender: string;
  /** The person's address. */
  readonly participant: string;
}

/** The context of each tool, by the tool's name: the tool's fields in `extra`, and the turn. */
export function toolContexts(
  tools: ToolSet,
  turn: AiTurn,
  extra: Readonly<Record<string, object>> = {},
): Record<string, ToolTurn & object> {
  const { id: turnId, run, conversationId, sender, participant } = turn;
  const shared: ToolTurn = { turnId, run, conversationId, sender, participant };
  return Object.fromEntries(Object.keys(tools).map((name) => [name, { ...extra[name], ...shared }]));
}

/** Makes tools that notify the engine before they act, and that do not act after the run was given up. */
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

/** The tools without `execute`, so that no tool can be called. A provider may need them to read the earlier calls. */
export function closedTools(tools: ToolSet): { tools: ToolSet; toolChoice: "none" } {
  const entries = Object.entries(tools).map(([name, tool]) => {
    const open = { ...tool };
    delete open.execute;
    return [name, open];
  });
  return { tools: Object.fromEntries(entries), toolChoice: "none" };
}
