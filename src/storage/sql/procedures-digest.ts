/** Names the procedures that this code runs. Written by `npm run migrations`. */
export const PROCEDURES_DIGEST: string = "4127238f4b42943b";
