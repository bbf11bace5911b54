/** What of the runtime the tests use: the whole of its types would hide what src takes from the web platform. */
declare module "cloudflare:workers" {
  import type { D1DatabaseLike } from "ownline/storage/d1";

  /** What wrangler.jsonc binds. */
  export const env: {
    readonly LEDGER: D1DatabaseLike;
    readonly MIGRATED: D1DatabaseLike;
    readonly TALK: D1DatabaseLike;
    /** The files of `migrations/d1`, in order. */
    readonly MIGRATIONS: readonly unknown[];
  };
}

declare module "cloudflare:test" {
  import type { D1DatabaseLike } from "ownline/storage/d1";

  /** Applies files of migrations as wrangler does, those that have not been yet. */
  export function applyD1Migrations(database: D1DatabaseLike, migrations: readonly unknown[]): Promise<void>;
}
