/**
 * `AsyncDisposable` for `await using`, where the compiler's `lib` has `Symbol.asyncDispose`; elsewhere an empty type.
 * So a service that compiles with `lib: ["es2022"]` can read our declarations too.
 *
 * @see https://www.typescriptlang.org/docs/handbook/release-notes/typescript-5-2.html
 */
export type AsyncDisposing = typeof Symbol extends { readonly asyncDispose: infer Key extends symbol }
  ? { readonly [Name in Key]: () => Promise<void> }
  : object;
