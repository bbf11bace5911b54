import { describe, expect, it } from "vitest";
import { withoutReasoning } from "../../src/ai/reasoning.ts";
import { growthOf, LINEAR_AT_MOST } from "../growth.ts";

const final = "The kitchen closes at ten.";

describe("withoutReasoning", () => {
  it.each([
    `<think>PRIVATE</think>${final}`,
    `\n<THINK reason="deep">PRIVATE\nPRIVATE</Think>\n\n${final}`,
    `<thinking>PRIVATE</thinking> ${final}`,
    `<thought>PRIVATE</thought>\n${final}`,
    `<seed:think>PRIVATE</seed:think>${final}`,
    `<reasoning>PRIVATE</reasoning>${final}`,
    `<think>PRIVATE<think>PRIVATE</think>PRIVATE</think>${final}`,
    `<think>PRIVATE about <think> tags</think>${final}`,
    `<think>PRIVATE, \`</think>\` it is, PRIVATE</think>${final}`,
    `<think>PRIVATE uses a \` here</think>${final}`,
    `<think>PRIVATE</think><think>PRIVATE</think>${final}<think>PRIVATE</think>`,
    `<think>PRIVATE</think>PRIVATE</think>${final}`,
    `PRIVATE</think>\n\n${final}`,
    `PRIVATE</thinking> ${final}`,
    `PRIVATE says. </think> ${final}`,
    `PRIVATE says </think> ${final}`,
    `<think>\n\n</think>\n\n${final}`,
    `<think>PRIVATE<final>${final}</final>`,
    `<think>PRIVATE <final>PRIVATE</final> PRIVATE <final>${final}</final>`,
    `<thinking>PRIVATE\n<answer>${final}</answer>`,
    `<think>PRIVATE</think><final>${final}</final>`,
    `<think>PRIVATE</think>\n<answer>\n${final}\n</answer>\n`,
    `PRIVATE\n<final>${final}</final>`,
    `<final_answer>${final}</final_answer>`,
    `[THINK]PRIVATE[/THINK]${final}`,
    `◁think▷PRIVATE◁/think▷${final}`,
    `<|channel>thought\nPRIVATE<channel|>${final}`,
    `<|START_THINKING|>PRIVATE<|END_THINKING|><|START_RESPONSE|>${final}<|END_RESPONSE|>`,
    `&lt;think&gt;PRIVATE&lt;/think&gt;${final}`,
    `<|channel|>analysis<|message|>PRIVATE<|end|><|start|>assistant<|channel|>final<|message|>${final}<|return|>`,
    `<|start|>assistant<|channel|>analysis<|message|>PRIVATE<|end|><|start|>assistant<|channel|>commentary to=functions.book <|constrain|>json<|message|>{"PRIVATE":1}<|call|><|start|>assistant<|channel|>final<|message|>${final}`,
    `PRIVATE<|end|><|start|>assistant<|channel|>final<|message|>${final}<|return|>`,
    `<|channel|>final<|message|><think>PRIVATE</think>${final}<|end|>`,
    `analysisPRIVATE says so.assistantfinal${final}`,
  ])("keeps the answer and nothing of the reasoning: %s", (text) => {
    expect(withoutReasoning(text)).toBe(final);
  });

  it.each([
    ["Hello! <think>PRIVATE</think>How are you?", "Hello! How are you?"],
    ["Hello <think>PRIVATE</think> there", "Hello  there"],
    ["Hello! <think>PRIVATE", "Hello!"],
    ["Hello <think>PRIVATE", "Hello"],
    ["One moment.\n<think>\nuse <think> tags, PRIVATE\n</think>\nDone.", "One moment.\n\nDone."],
  ])("takes reasoning out of the middle: %s", (text, rest) => {
    expect(withoutReasoning(text)).toBe(rest);
  });

  it.each([
    "<think>PRIVATE",
    "<think>PRIVATE</think>",
    "PRIVATE</think>",
    "<think>PRIVATE</think>\n<think>PRIVATE",
    "<|channel|>analysis<|message|>PRIVATE<|end|>",
    "<|channel|>analysis",
    "<|channel|>commentary to=functions.book<|message|>PRIVATE<|call|>",
    "analysisPRIVATE",
  ])("leaves nothing of an answer that is reasoning alone: %s", (text) => {
    expect(withoutReasoning(text)).toBe("");
  });

  it.each([
    "Use <think> tags in your prompt.",
    "Use <think> and </think> around it.",
    "<think> and </think> mark what a model thinks.",
    "Wrap it in <think>...</think> and read on.",
    "Start with <think> and end with </think>.",
    "Close it with </think> at the end, please.",
    "The closing tag is </think>",
    "Write `<think>` first, then `</think>`.",
    "Write `<think>your plan</think>` first.",
    'Put "<think>" before it.',
    "The tags (<think>) are optional.",
    "Try this:\n```xml\n<think>plan</think>\n<answer>reply</answer>\n```\nThat is all.",
    "The header is `<|channel|>final<|message|>` in Harmony.",
    "I <3 you, and 3 > 2 < 4. a<b>c",
    "We need an <answer> by noon; the <output> is fine.",
    "Our analysis says yes. Final answer: 7 pm.",
    "I think, you thought: <thinker> is not a tag.",
    "Deine Gedanken in <think> und </think> setzen.",
    "",
  ])("leaves an answer alone that only speaks of tags, or of none: %s", (text) => {
    expect(withoutReasoning(text)).toBe(text);
  });

  it.each([
    "<think>",
    "</think> a",
    "<think ",
    "<think>a</think>b\n",
    "`<think>`",
    '"<think>"',
    "`",
    "```",
    "<final>",
    "<think><final>",
    "<|channel|>",
    "<|message|>",
    "`<|message|>`",
    "<|channel|>analysis<|message|>",
  ])("takes time in proportion to a text of %j alone", async (piece) => {
    const make = (times: number) => {
      const text = piece.repeat(times);
      return () => withoutReasoning(text);
    };
    expect(await growthOf(make, 500)).toBeLessThan(LINEAR_AT_MOST);
  });
});
