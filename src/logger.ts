/**
 * Where ownline logs. `console` and a pino logger both fit.
 *
 * Phone numbers are masked and texts and secrets left out of every line above `debug`.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Warnings and errors to the console, nothing else: what a library may say unasked. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

/** A logger whose own failure costs nothing but its line, which then stands on the console where that takes it. */
export function steadyLogger(logger: Logger): Logger {
  const line = (level: keyof Logger) => (message: string) =>
    harmless(
      () => logger[level](message),
      () => consoleLogger[level](message),
    );
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

/** Calls what the service gave, and keeps back what it throws or rejects with. */
export function harmless(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
