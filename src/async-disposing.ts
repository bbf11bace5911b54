/**
 * `AsyncDisposable` for `await using`, where the compiler's `lib` knows `Symbol.asyncDispose`, and nothing elsewhere: a
 * service that compiles with `lib: ["es2022"]` can read our declarations, too.
 *
 * @see https://www.typescriptlang.org/docs/handbook/release-notes/typescript-5-2.html
 */
export type AsyncDisposing = typeof Symbol extends { readonly asyncDispose: infer Key extends symbol }
  ? { readonly [Name in Key]: () => Promise<void> }
  : object;
