/** Why the ledger stops a message, or lets it wait, on its own account. */
export const REASONS = {
  earlierPart: "An earlier part of the same text was not sent.",
  optedOut: "The person opted out.",
  expired: "The text is too old to be sent.",
  paused: "A person has taken over the conversation.",
  behind: "An earlier text has not left yet.",
  order: "It is not known yet whether an earlier text has left.",
  delay: "The text may not leave yet.",
} as const;
