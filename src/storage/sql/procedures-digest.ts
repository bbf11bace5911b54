/** Names the procedures that this code runs. Written by `npm run migrations`. */
export const PROCEDURES_DIGEST: string = "8b3350575203f5d4";
