import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type PostgresLedgers, postgresLedgers } from "./postgres-ledgers.ts";
import { playOnPostgres, type Replayed } from "./postgres-replay.ts";

/** More of them: `OWNLINE_TEST_STORIES=200 npx vitest run --project ownline test/storage/postgres-replay.test.ts`. */
const STORIES = Number(process.env.OWNLINE_TEST_STORIES ?? 4);

describe("what several processes decide at once on PostgreSQL", { timeout: 120_000 }, () => {
  let ledgers: PostgresLedgers;
  const played: Replayed[] = [];

  beforeAll(async () => {
    ledgers = await postgresLedgers();
  });

  afterEach(() => ledgers.empty());

  afterAll(() => ledgers.dispose());

  it.each(Array.from({ length: STORIES }, (_, index) => index + 1))(
    "is what they would decide one after the other (%i)",
    async (seed) => {
      const replayed = await playOnPostgres(ledgers, seed);
      played.push(replayed);
      expect(replayed.faults).toEqual([]);
    },
  );

  it("was compared nearly everywhere, and met decisions that had to be made anew", () => {
    const sum = (of: (one: Replayed) => number) => played.reduce((total, one) => total + of(one), 0);
    const commits = sum((one) => one.commits);
    expect(sum((one) => one.replays)).toBeGreaterThan(commits / 2);
    expect(sum((one) => one.excused)).toBeLessThan(commits / 10);
    expect(sum((one) => one.moved)).toBeGreaterThan(0);
    const reached = new Set(played.flatMap((one) => [...one.reached]));
    expect([...reached]).toEqual(expect.arrayContaining(["turn", "committed", "claimed", "recorded", "repeated"]));
  });
});
