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
