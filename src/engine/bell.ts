/** Rings once; whoever waits for the next time takes the next bell. */
export interface Bell {
  readonly rung: Promise<void>;
  ring(): void;
}

export function newBell(): Bell {
  let ring = (): void => {};
  const rung = new Promise<void>((resolve) => {
    ring = resolve;
  });
  return { rung, ring };
}
