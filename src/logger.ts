/**
 * The logger of ownline. `console` and a pino logger both fit.
 *
 * In every line above `debug`, phone numbers are masked, and texts and secrets are left out.
 */
export interface Logger {
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
}

/** Writes warnings and errors to the console, and nothing else. It is the default, so it must not log more. */
export const consoleLogger: Logger = {
  debug: () => {},
  info: () => {},
  warn: (message) => console.warn(message),
  error: (message) => console.error(message),
};

/** Wraps a logger. Where the logger fails, the console gets the line instead, if it is a warning or an error. */
export function steadyLogger(logger: Logger): Logger {
  const line = (level: keyof Logger) => (message: string) =>
    harmless(
      () => logger[level](message),
      () => consoleLogger[level](message),
    );
  return { debug: line("debug"), info: line("info"), warn: line("warn"), error: line("error") };
}

/** Calls a function of the service. Its error, or the rejection of its promise, goes to `failed` and is not thrown. */
export function harmless(call: () => unknown, failed: (error: unknown) => void): void {
  try {
    const result = call();
    if (result instanceof Promise) result.catch(failed);
  } catch (error) {
    failed(error);
  }
}
