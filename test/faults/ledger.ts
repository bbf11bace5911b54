import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";

/**
 * The provider's ledger: one line of JSON for each entry, written before any process can know of the event. It outlives
 * every engine, and it is all that the judge reads. `at`: Unix milliseconds by the provider's clock.
 */
export type Entry = { readonly at: number } & (
  | { readonly kind: "text"; readonly sid: string; readonly from: string; readonly to: string; readonly body: string }
  /** The provider calls the webhook of a person's text. */
  | { readonly kind: "webhook"; readonly sid: string; readonly attempt: number }
  /** The answer to the webhook; `null` where no answer came. A 200 is the application's promise. */
  | { readonly kind: "webhook-answer"; readonly sid: string; readonly attempt: number; readonly status: number | null }
  /** A request to send arrived. */
  | ({ readonly kind: "post"; readonly request: string } & Outgoing)
  /** The provider took the message: this text reaches the person. */
  | ({
      readonly kind: "taken";
      readonly request: string;
      readonly sid: string;
      /** From when on the provider's list shows the text. */
      readonly listedAt: number;
    } & Outgoing)
  | { readonly kind: "refused"; readonly request: string; readonly status: number }
  /** The answer to a status callback; `null` where no answer came. */
  | {
      readonly kind: "callback";
      readonly sid: string;
      readonly status: string;
      readonly answer: number | null;
      readonly forged: boolean;
    }
  /** The application read the provider's list of its texts to a person. */
  | { readonly kind: "list"; readonly to: string; readonly sids: readonly string[] }
);

/** A text of the application, with the attempt that its callback URL names. */
export interface Outgoing {
  readonly outboundId: string;
  readonly attempt: number;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  /** When the request left the application. A busy machine may read it later. */
  readonly leftAt: number;
}

export type EntryOf<Kind extends Entry["kind"]> = Extract<Entry, { kind: Kind }>;

type Written = Entry extends infer One ? (One extends Entry ? Omit<One, "at"> : never) : never;

/** Opens a ledger for writing. Each entry is in the file when `write` returns. */
export function ledgerWriter(file: string): { write(entry: Written): Entry; close(): void } {
  const handle = openSync(file, "a");
  return {
    write(entry) {
      const dated: Entry = { at: Date.now(), ...entry };
      writeSync(handle, `${JSON.stringify(dated)}\n`);
      return dated;
    },
    close: () => closeSync(handle),
  };
}

/** Follows a ledger while it grows. Each call returns all entries so far. */
export function ledgerReader(file: string): () => readonly Entry[] {
  const entries: Entry[] = [];
  let position = 0;
  let rest = "";
  return () => {
    const handle = openSync(file, "a+");
    try {
      const bytes = Buffer.alloc(fstatSync(handle).size - position);
      position += readSync(handle, bytes, 0, bytes.length, position);
      // Each line ends in one byte, so a character that is cut in two never reaches the parser.
      const lines = (rest + bytes.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) entries.push(JSON.parse(Buffer.from(line, "latin1").toString("utf8")));
    } finally {
      closeSync(handle);
    }
    return entries;
  };
}
