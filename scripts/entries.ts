/**
 * The one list of the package's subpaths, each with its source. The build reads it. The exports test compares
 * package.json, tsconfig.json and the files with it.
 *
 * The rule: the subpath is the path under `src/`, and the file that bears its folder's name is the folder's entry.
 */
export const entries: Readonly<Record<string, string>> = {
  ".": "src/index.ts",
  "./segments": "src/segments/segments.ts",
  "./transport/twilio": "src/transport/twilio/twilio.ts",
  "./storage/memory": "src/storage/memory.ts",
  "./storage/sqlite": "src/storage/sqlite.ts",
  "./storage/d1": "src/storage/d1.ts",
  "./storage/d1-migrations": "src/storage/d1-migrations.ts",
  "./storage/postgres": "src/storage/postgres.ts",
  "./storage/mongodb": "src/storage/mongodb.ts",
  "./ai/ai-sdk": "src/ai/ai-sdk.ts",
  "./ai/openai-compatible": "src/ai/openai-compatible.ts",
  "./ai/offline": "src/ai/offline.ts",
  "./http/express": "src/http/express.ts",
  "./http/node": "src/http/node.ts",
  "./http/sse": "src/http/sse.ts",
  "./queue/in-process": "src/queue/in-process.ts",
  "./queue/cloudflare": "src/queue/cloudflare.ts",
  "./queue/postgres": "src/queue/postgres.ts",
  "./queue/pg-boss": "src/queue/pg-boss.ts",
  "./queue/bullmq": "src/queue/bullmq.ts",
  "./policy/opt-out": "src/policy/opt-out.ts",
  "./policy/loop-guard": "src/policy/loop-guard.ts",
  "./testing": "src/testing/testing.ts",
  "./testing/node": "src/testing/node/node.ts",
};

/** The path of a subpath in `dist`, without its extension: `./transport/twilio` becomes `transport/twilio`. */
export function outputOf(subpath: string): string {
  return subpath === "." ? "index" : subpath.slice("./".length);
}

/** The import that a user writes: `./transport/twilio` becomes `ownline/transport/twilio`. */
export function specifierOf(subpath: string): string {
  return subpath === "." ? "ownline" : `ownline/${outputOf(subpath)}`;
}
