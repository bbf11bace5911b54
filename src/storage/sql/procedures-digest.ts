/** Names the procedures that this code runs. Written by `npm run migrations`. */
export const PROCEDURES_DIGEST: string = "e8852f2797cea0d4";
