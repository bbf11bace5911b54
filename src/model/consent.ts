/** Whether a person wants texts from a line. `null` in the ledger means that no opt-in or opt-out was recorded. */
export type ConsentState = "opted-in" | "opted-out";

/**
 * What changed the consent: a word or a phrase in a message, the provider's own opt-out report, or a refused or failed
 * send (Twilio 21610).
 */
export type ConsentSource = "word" | "provider" | "refused-send";
