/**
 * Runs the same race several times. The sides start first alternately, with a growing number of microtasks between
 * them.
 */
export async function race<T>(
  rounds: number,
  run: (round: number, stagger: (side: 0 | 1) => Promise<void>) => Promise<T>,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    await run(round, async (side) => {
      const steps = side === round % 2 ? 0 : round >> 1;
      for (let step = 0; step < steps; step += 1) await Promise.resolve();
    });
  }
}
