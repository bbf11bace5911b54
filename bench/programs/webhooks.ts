import { setImmediate } from "node:timers/promises";
import { cpuMsSince, serve } from "../processes.ts";
import { type ContestantSpec, openContestant } from "../webhook/contestant.ts";
import { type Driven, drive } from "../webhook/drive.ts";
import { fetchInProcess, provider } from "../webhook/provider.ts";
import { makeTexts, requestOf } from "../webhook/texts.ts";

/*
 * One contestant in a process of its own, with the provider in the same process. It takes the requested number of
 * texts, and reports how long each took, and how much memory the process holds.
 */
export interface WebhooksTask {
  readonly contestant: ContestantSpec;
  /** Whether texts are answered, or only acknowledged. */
  readonly answers: boolean;
}

export interface WebhooksCommand {
  /** The number of texts. With 0 the program only reports its memory. */
  readonly texts: number;
  readonly callers: number;
  /** The number of persons from whom the texts come; `null` for one person a text. */
  readonly people: number | null;
}

export interface WebhooksAnswer extends Driven {
  readonly cpuMs: number;
  /** Bytes, measured after a garbage collection if the process may start one. */
  readonly residentBytes: number;
}

let texts = 0;

await serve<WebhooksTask, WebhooksCommand, WebhooksAnswer>(async ({ contestant: spec, answers }) => {
  const standIn = provider();
  const contestant = await openContestant(spec, { answers, fetch: fetchInProcess(standIn) });
  const behind: Promise<unknown>[] = [];
  const waitUntil = (work: Promise<unknown>) => void behind.push(work);
  return {
    async handle({ texts: count, callers, people }) {
      const made = makeTexts(count, texts, people ?? undefined);
      texts += count;
      const cpu = process.cpuUsage();
      const driven = await drive({
        texts: made,
        callers,
        async post(text) {
          const response = await contestant.handle(requestOf(text), waitUntil);
          if (response.status !== 200) throw new Error(`A signed text was answered ${response.status}.`);
        },
        provider: answers ? standIn : null,
        async rest() {
          // Where only the acknowledgement is measured, the work after it does not count.
          if (!answers) await Promise.all(behind.splice(0));
          // Each text comes in an event of its own.
          await setImmediate();
        },
      });
      await Promise.all(behind.splice(0));
      const cpuMs = cpuMsSince(cpu);
      globalThis.gc?.();
      return { ...driven, cpuMs, residentBytes: process.memoryUsage.rss() };
    },
    close: () => contestant.close(),
  };
});
