/**
 * The fields of an object that are not known, each with the known one that was most likely meant. Only the object's own
 * fields count. A name that may hold more than a name, such as a phone number, is not quoted.
 */
export function unknownFields(value: object, known: readonly string[]): readonly UnknownField[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => ({
      name: /^[A-Za-z_$][\w$-]{0,63}$/.test(key) ? key : "(a field with an unusual name)",
      meant: known.find((each) => !Object.hasOwn(value, each) && isLike(key.toLowerCase(), each.toLowerCase())) ?? null,
    }));
}

export interface UnknownField {
  readonly name: string;
  readonly meant: string | null;
}

/** Whether two words differ by one letter that is wrong, missing, too many or swapped with the next. */
function isLike(given: string, known: string): boolean {
  let start = 0;
  while (start < given.length && given[start] === known[start]) start += 1;
  const [restGiven, restKnown] = [given.slice(start), known.slice(start)];
  return (
    restGiven.slice(1) === restKnown.slice(1) ||
    restGiven.slice(1) === restKnown ||
    restGiven === restKnown.slice(1) ||
    (restGiven.slice(2) === restKnown.slice(2) && restGiven[0] === restKnown[1] && restGiven[1] === restKnown[0])
  );
}
