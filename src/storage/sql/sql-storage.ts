import type { Storage } from "../storage.ts";
import type { SqlDriver } from "./driver.ts";
import { due, rivals } from "./due.ts";
import { erase, purge } from "./erasure.ts";
import { recordSend, recordStatus, resolve } from "./facts.ts";
import { recordInbound } from "./inbound.ts";
import { openLedger } from "./meta.ts";
import { type Ledger, ledgerOver } from "./operation.ts";
import { recordOutbound } from "./outbound.ts";
import { setPaused } from "./pause.ts";
import { changes, consent, conversation, conversations, counters, messages } from "./queries.ts";
import { requeueTurn, suspect } from "./repair.ts";
import { claimSend } from "./sends.ts";
import { story } from "./story.ts";
import { claimSweep, commitSweep, unrecorded } from "./sweeps.ts";
import { claimTurn, commitTurn, releaseTurn } from "./turns.ts";
import { heartbeat } from "./workers.ts";

export interface SqlStorageOptions {
  /** See `Storage.migrate`. */
  readonly migrate: (driver: SqlDriver) => Promise<void>;
  /** Whether `open()` does so by itself, as fits an embedded database. */
  readonly migratesAtOpen: boolean;
}

/**
 * The ledger over any database that speaks SQLite's SQL and runs batches of statements as one commit. Every mutating
 * method is one batch; none needs an interactive transaction.
 */
export function sqlStorage(driver: SqlDriver, options: SqlStorageOptions): Storage {
  const { migrate, migratesAtOpen } = options;
  const ledger = (method: string): Ledger => ledgerOver(driver, method);
  return {
    name: driver.name,
    migrate: () => migrate(driver),
    async open() {
      if (migratesAtOpen) await migrate(driver);
      const opened = await openLedger(driver);
      await driver.procedures();
      return opened;
    },
    close: () => driver.close(),

    recordInbound: (inbound) => recordInbound(ledger("recordInbound"), inbound),
    recordOutbound: (outbound) => recordOutbound(ledger("recordOutbound"), outbound),

    claimTurn: (claim) => claimTurn(ledger("claimTurn"), claim),
    commitTurn: (commit) => commitTurn(ledger("commitTurn"), commit),
    releaseTurn: (release) => releaseTurn(ledger("releaseTurn"), release),
    heartbeat: (beat) => heartbeat(ledger("heartbeat"), beat),

    due: (limit) => due(ledger("due"), limit),
    claimSend: (claim) => claimSend(ledger("claimSend"), claim),
    recordSend: (sent) => recordSend(ledger("recordSend"), sent),
    recordStatus: (report) => recordStatus(ledger("recordStatus"), report),
    rivals: (query) => rivals(ledger("rivals"), query),
    resolve: (resolution) => resolve(ledger("resolve"), resolution),
    requeueTurn: (requeue) => requeueTurn(ledger("requeueTurn"), requeue),
    suspect: (suspicion) => suspect(ledger("suspect"), suspicion),

    setPaused: (change) => setPaused(ledger("setPaused"), change),
    counters: (keys) => counters(ledger("counters"), keys),
    consent: (consentKey) => consent(ledger("consent"), consentKey),
    conversation: (id) => conversation(ledger("conversation"), id),
    conversations: (page) => conversations(ledger("conversations"), page),
    messages: (page) => messages(ledger("messages"), page),
    changes: (page) => changes(ledger("changes"), page),
    story: (messageId) => story(ledger("story"), messageId),

    async erase(order) {
      const erased = await erase(ledger("erase"), order);
      await driver.removeCopies?.({ wait: true });
      return erased;
    },
    async purge(order) {
      const purged = await purge(ledger("purge"), order);
      // Retention comes again, so a reader in the way is no reason to fail.
      await driver.removeCopies?.({ wait: false });
      return purged;
    },

    claimSweep: (claim) => claimSweep(ledger("claimSweep"), claim),
    unrecorded: (keys) => unrecorded(ledger("unrecorded"), keys),
    commitSweep: (commit) => commitSweep(ledger("commitSweep"), commit),
  };
}
