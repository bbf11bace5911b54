import type { Reporter, TestModule } from "vitest/node";

/**
 * Ends a test run with a list of the skipped tests and their reasons, and with one line: `N passed, N failed, N
 * skipped`.
 *
 * A reason is the note of `context.skip("…")`. A test file that could not be loaded counts as one failure.
 */
export class ClosingReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    const count = { passed: 0, failed: unhandledErrors.length, skipped: 0 };
    const reasons = new Map<string, string[]>();

    for (const module of modules) {
      const tests = [...module.children.allTests()];
      for (const test of tests) {
        const result = test.result();
        // An interrupted run leaves tests unfinished: they have not passed.
        count[result.state === "pending" ? "failed" : result.state] += 1;
        if (result.state !== "skipped") continue;
        const reason = result.note ?? "no reason given";
        const names = reasons.get(reason) ?? [];
        names.push(`${module.relativeModuleId} > ${test.fullName}`);
        reasons.set(reason, names);
      }
      if (module.state() === "failed" && tests.every((test) => test.result().state !== "failed")) count.failed += 1;
    }

    for (const [reason, names] of reasons) {
      console.log(`Skipped, ${reason}:\n${names.map((name) => `  ${name}`).join("\n")}`);
    }
    console.log(`${count.passed} passed, ${count.failed} failed, ${count.skipped} skipped`);
  }
}
