import { registerHooks } from "node:module";
import { entries, specifierOf } from "../../scripts/entries.ts";

// Preloaded into the example's process, so that under test `ownline/…` is this checkout's source, built or not.
const sources = new Map(
  Object.entries(entries).map(([subpath, source]) => [
    specifierOf(subpath),
    new URL(`../../${source}`, import.meta.url).href,
  ]),
);

registerHooks({
  resolve: (specifier, context, next) => next(sources.get(specifier) ?? specifier, context),
});
