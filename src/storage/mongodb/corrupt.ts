import { CorruptRow } from "../ledger/corrupt.ts";
import type { Table } from "../ledger/rows.ts";
import type { MongoDocument } from "./client.ts";
import { text } from "./fields.ts";

/** The error of a document that cannot be read. `column`: the field that holds a value that ownline never writes. */
export function corruptDocument(table: Table | "answers", doc: MongoDocument, column: string): CorruptRow {
  const id = text(doc, "_id");
  const owner = table === "conversations" ? id : doc.conversationId;
  return new CorruptRow({
    table,
    key: [id],
    column,
    conversationId: typeof owner === "string" ? owner : null,
    ...(table === "conversations" && typeof doc.consentKey === "string" && { consentKey: doc.consentKey }),
  });
}

/**
 * The text of a stored answer.
 *
 * @throws CorruptRow
 */
export function answerOf(doc: MongoDocument): string {
  if (typeof doc.answer !== "string") throw corruptDocument("answers", doc, "answer");
  return doc.answer;
}
