import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";
import { describe, expect, it } from "vitest";

const SRC = fileURLToPath(new URL("../src/", import.meta.url));

/** Whether the type is options again, whose own members say their defaults, or says that the option must be absent. */
function speaksForItself(type: ts.TypeNode | undefined): boolean {
  if (type === undefined) return false;
  if (type.kind === ts.SyntaxKind.NeverKeyword) return true;
  if (ts.isUnionTypeNode(type)) return type.types.some(speaksForItself);
  return ts.isTypeReferenceNode(type) && type.typeName.getText().endsWith("Options");
}

/** The optional members of an options interface whose docstring names no default. */
function silentIn(file: string, text: string): string[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.Latest, true);
  return source.statements.flatMap((statement) => {
    if (!ts.isInterfaceDeclaration(statement) || !statement.name.text.endsWith("Options")) return [];
    return statement.members.flatMap((member) => {
      if (!ts.isPropertySignature(member) || member.questionToken === undefined) return [];
      const says = ts.getJSDocTags(member).some(({ tagName }) => tagName.text === "default");
      return says || speaksForItself(member.type) ? [] : [`${file}: ${statement.name.text}.${member.name.getText()}`];
    });
  });
}

describe("the docstring of an option", () => {
  it("names its default, for every option that may be left out", () => {
    const files = readdirSync(SRC, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    // BullMQ's own options, of which we name what we pass.
    const ours = (member: string): boolean => !member.includes("BullmqJobOptions.");
    const silent = files.flatMap((name) => silentIn(name, readFileSync(join(SRC, name), "utf8")));
    expect(silent.filter(ours)).toEqual([]);
  });

  it("is missed where it is silent", () => {
    const text = "export interface XOptions { /** How long. */ readonly ms?: number; readonly y?: YOptions; }";
    expect(silentIn("x.ts", text)).toEqual(["x.ts: XOptions.ms"]);
  });
});
