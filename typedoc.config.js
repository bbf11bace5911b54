import { entries } from "./scripts/entries.ts";

/** @type {Partial<import("typedoc").TypeDocOptions>} */
export default {
  name: "ownline",
  tsconfig: "tsconfig.build.json",
  entryPoints: Object.values(entries),
  out: "docs/api",
  readme: "none",
  treatWarningsAsErrors: true,
  excludePrivate: true,
  excludeInternal: true,
  // Parts of a type that is documented whole.
  intentionallyNotExported: ["SettingName", "Shared"],
  // A clone without a remote has no address to link to, so the pages link to the sources beside them.
  disableGit: true,
  gitRevision: "main",
  sourceLinkTemplate: "../../../{path}#L{line}",
  githubPages: false,
};
