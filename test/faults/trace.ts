import { readFileSync } from "node:fs";

/** What a process writes down about itself. */
export type Trace =
  | { readonly kind: "turn" | "send"; readonly person: string; readonly held: boolean }
  /** What the process still holds by its heartbeat. It does not record the end of a turn that another worker took. */
  | { readonly kind: "leases"; readonly people: readonly string[] }
  | { readonly kind: "notice"; readonly notice: string }
  | { readonly kind: "error"; readonly code: string };

export function readTrace(file: string): readonly Trace[] {
  const lines = readFileSync(file, "utf8").split("\n");
  // A process may be killed in the middle of its last line.
  lines.pop();
  return lines.map((line): Trace => JSON.parse(line));
}

/** What a process held when its trace ended: a turn at work, or a text on its way to the provider. */
export function heldBy(traces: readonly Trace[]): {
  readonly turns: ReadonlySet<string>;
  readonly sends: ReadonlySet<string>;
} {
  const held = { turns: new Set<string>(), sends: new Set<string>() };
  for (const trace of traces) {
    if (trace.kind === "leases") {
      const kept = new Set(trace.people);
      for (const person of held.turns) if (!kept.has(person)) held.turns.delete(person);
    }
    if (trace.kind !== "turn" && trace.kind !== "send") continue;
    const people = trace.kind === "turn" ? held.turns : held.sends;
    if (trace.held) people.add(trace.person);
    else people.delete(trace.person);
  }
  return held;
}
