/** Names the procedures that this code runs. Written by `npm run migrations`. */
export const PROCEDURES_DIGEST: string = "cb978941a48dd485";
