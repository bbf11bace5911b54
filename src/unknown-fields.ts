import { OwnlineError, type OwnlineErrorCode } from "./errors.ts";

/**
 * The unknown fields of an object, each with its remedy. The remedy names the known field that the caller probably
 * meant. Only the object's own fields are checked. A name with unusual characters may be a phone number, so it is not
 * quoted.
 */
export function unknownFields(value: object, known: readonly string[]): readonly UnknownField[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => {
      const meant = known.find((each) => !Object.hasOwn(value, each) && isLike(key.toLowerCase(), each.toLowerCase()));
      return {
        name: /^[A-Za-z_$][\w$-]{0,63}$/.test(key) ? key : "(a field with an unusual name)",
        remedy: meant === undefined ? "check its spelling, or leave it out" : `did you mean ${meant}?`,
      };
    });
}

/** Whether an object was written as a literal, and is not an instance of a class, which may have other fields. */
export function isLiteral(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object of another realm has another Object.prototype.
  return typeof prototype !== "object" || prototype === null || Object.getPrototypeOf(prototype) === null;
}

export interface UnknownField {
  readonly name: string;
  readonly remedy: string;
}

/**
 * The error that names every mistake: `ownline cannot start. options.brust is not an option: did you mean burst?`
 *
 * @param refusal What happened, without a full stop
 * @param lines One mistake each, with its remedy; at least one
 */
export function mistakesError(
  refusal: string,
  lines: readonly string[],
  code: OwnlineErrorCode = "invalid_options",
): OwnlineError {
  return new OwnlineError(
    code,
    lines.length === 1 ? `${refusal}. ${lines[0]}` : `${refusal}:\n- ${lines.join("\n- ")}`,
  );
}

/**
 * Refuses the options of an adapter that has too few of them to declare schemas.
 *
 * @param call The function that was called: `sqlite()`
 * @param known All options that exist
 * @param path The path of the options
 * @throws OwnlineError `invalid_options` that names each unknown option, and where the options are not an object
 */
export function refuseUnknownOptions<Options extends object>(
  call: string,
  options: Options,
  known: { readonly [Name in keyof Required<Options>]: true },
  path = "options",
): void {
  const given: unknown = options;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    throw mistakesError(`${call} cannot start`, [`${path}: give an object of options`]);
  }
  const lines = unknownFields(given, Object.keys(known)).map(
    ({ name, remedy }) => `${path}.${name} is not an option: ${remedy}`,
  );
  if (lines.length > 0) throw mistakesError(`${call} cannot start`, lines);
}

/** Whether two words differ by one letter that is wrong, missing, added, or swapped with the next letter. */
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
