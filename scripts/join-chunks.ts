import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Up to this size Node needs more time to find a chunk than to run it. */
const SMALL_BYTES = 4608;
const JOINED = "chunk-base.js";
const IMPORT = /^import (?:\{[^}]*\} from )?"\.\/(chunk-[A-Z0-9]+\.js)";\n/gm;
/** Loads a file for its side effects. Chunks have no side effects. */
const BARE_IMPORT = /^import "(?:\.\.?\/)+([^"/]+)";\n/gm;
const EXPORT = /^export \{\n([^}]*)\};\n/m;
const DECLARED = /^(?:var|let|const|function|async function|class) ([\w$]+)/gm;

/**
 * Joins the small chunks that `import "ownline"` loads into one file. The build makes a chunk for each set of entries
 * that share a module. So errors, ids and the clock are a file each, and each file costs Node time.
 *
 * @throws where two chunks declare the same name, and where there are fewer than two: then the build has changed.
 */
export function joinChunks(dist: string): void {
  const read = (file: string): string => readFileSync(join(dist, file), "utf8");
  const importedBy = (file: string): readonly string[] => [...read(file).matchAll(IMPORT)].map(([, name = ""]) => name);

  const seen = new Set<string>();
  const loaded: string[] = [];
  const visit = (file: string): void => {
    for (const name of importedBy(file)) {
      if (seen.has(name)) continue;
      seen.add(name);
      visit(name);
      loaded.push(name);
    }
  };
  visit("index.js");

  // In the order in which they are loaded, so that each chunk comes after those that it needs.
  const joined: string[] = [];
  for (const name of loaded) {
    const isLeaf = importedBy(name).every((needed) => joined.includes(needed));
    if (isLeaf && read(name).length <= SMALL_BYTES) joined.push(name);
  }
  if (joined.length < 2) {
    throw new Error("The build has no small chunks to join: read what tsup writes now, and join that or nothing.");
  }

  const codes = joined.map((name) => read(name).replace(IMPORT, "").replace(EXPORT, "").trim());
  const declared = codes.flatMap((code) => [...code.matchAll(DECLARED)].map(([, name]) => name));
  const twice = declared.find((name, index) => declared.indexOf(name) !== index);
  if (twice !== undefined) throw new Error(`Two chunks of the build declare ${twice}, so they cannot be one file.`);
  const names = joined.flatMap((name) => EXPORT.exec(read(name))?.[1]?.match(/[\w$]+/g) ?? []);
  const text = `${codes.join("\n\n")}\n\nexport {\n${names.map((name) => `  ${name}`).join(",\n")}\n};\n`;

  for (const entry of readdirSync(dist, { recursive: true, encoding: "utf8" })) {
    if (!entry.endsWith(".js") || joined.includes(entry)) continue;
    const before = read(entry);
    const renamed = joined.reduce((code, name) => code.replaceAll(`/${name}"`, `/${JOINED}"`), before);
    const after = renamed.replace(BARE_IMPORT, (line, file: string) => (file === JOINED ? "" : line));
    if (after !== before) writeFileSync(join(dist, entry), after);
  }
  for (const name of joined) rmSync(join(dist, name));
  writeFileSync(join(dist, JOINED), text);
}
