/** Names the procedures that this code runs. Written by `npm run migrations`. */
export const PROCEDURES_DIGEST: string = "d99c2ca11417141e";
