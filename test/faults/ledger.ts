import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";

/**
 * What the provider's ledger holds, a line of JSON each, written before anybody hears of it. It outlives every engine,
 * and it is all that the judge looks at. `at`: Unix milliseconds by the provider's clock.
 */
export type Entry = { readonly at: number } & (
  | { readonly kind: "text"; readonly sid: string; readonly from: string; readonly to: string; readonly body: string }
  /** A webhook about a person's text begins. */
  | { readonly kind: "webhook"; readonly sid: string; readonly attempt: number }
  /** What it was answered with; `null` where no answer came. A 200 is the application's promise. */
  | { readonly kind: "webhook-answer"; readonly sid: string; readonly attempt: number; readonly status: number | null }
  /** A request to send arrived. */
  | ({ readonly kind: "post"; readonly request: string } & Outgoing)
  /** The provider took it: this text reaches the person. */
  | ({
      readonly kind: "taken";
      readonly request: string;
      readonly sid: string;
      /** When its list shows it. */
      readonly listedAt: number;
    } & Outgoing)
  | { readonly kind: "refused"; readonly request: string; readonly status: number }
  /** A status callback was answered; `null` where no answer came. */
  | {
      readonly kind: "callback";
      readonly sid: string;
      readonly status: string;
      readonly answer: number | null;
      readonly forged: boolean;
    }
  /** The application looked into the list of our texts to a person. */
  | { readonly kind: "list"; readonly to: string; readonly sids: readonly string[] }
);

/** A text of ours, with the attempt that its callback URL names. */
export interface Outgoing {
  readonly outboundId: string;
  readonly attempt: number;
  readonly from: string;
  readonly to: string;
  readonly body: string;
  /** When the request left the application, as it would show on the wire: a busy machine reads it later. */
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

/** Follows a ledger while it grows: each call returns everything written so far. */
export function ledgerReader(file: string): () => readonly Entry[] {
  const entries: Entry[] = [];
  let position = 0;
  let rest = "";
  return () => {
    const handle = openSync(file, "a+");
    try {
      const bytes = Buffer.alloc(fstatSync(handle).size - position);
      position += readSync(handle, bytes, 0, bytes.length, position);
      // Whole lines end in one byte, so a cut inside a character never reaches the parser.
      const lines = (rest + bytes.toString("latin1")).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) entries.push(JSON.parse(Buffer.from(line, "latin1").toString("utf8")));
    } finally {
      closeSync(handle);
    }
    return entries;
  };
}
