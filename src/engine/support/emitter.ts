import { EventEmitter } from "eventemitter3";
import { OwnlineError } from "../../errors.ts";
import { harmless, type Logger } from "../../logger.ts";
import type { OwnlineEvents } from "../../model/events.ts";
import { describeThrown, kindOfThrown } from "../../thrown.ts";
import type { Emit } from "./context.ts";

const NAMES: Readonly<Record<keyof OwnlineEvents, true>> = {
  message: true,
  status: true,
  turn: true,
  consent: true,
  notice: true,
  error: true,
};

/** Listeners of this process. */
export interface Emitter {
  /**
   * @returns a function that ends this registration, and no other registration of the same listener
   * @throws OwnlineError `invalid_options` for an event that does not exist, or a listener that is not a function
   */
  on<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): () => void;
  off<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): unknown;
  /**
   * Calls every listener, each with a copy. The error of a listener that throws or rejects is logged. The other
   * listeners and the work go on.
   */
  readonly emit: Emit;
}

export function createEmitter(logger: Logger): Emitter {
  const emitter = new EventEmitter();
  return {
    on(name, listener) {
      refuseOthers("on", name, listener);
      // A separate context object distinguishes this registration from another registration of the same function.
      const registration = {};
      emitter.on(name, listener, registration);
      return () => void emitter.off(name, listener, registration);
    },
    off(name, listener) {
      // Without a listener, the emitter would end the registrations of all listeners.
      refuseOthers("off", name, listener);
      emitter.off(name, listener);
    },
    emit(name, ...args) {
      const failed = (error: unknown) => {
        logger.error(`a listener of "${name}" failed, and the work went on without it: ${kindOfThrown(error)}`);
        logger.debug(describeThrown(error));
      };
      for (const listener of emitter.listeners(name)) {
        // Each listener gets a copy, because the engine and the other listeners still use these objects. An error is
        // not copied: `structuredClone` would lose some of its fields.
        const call = () => Reflect.apply(listener, undefined, name === "error" ? args : structuredClone(args));
        harmless(call, failed);
      }
    },
  };
}

function refuseOthers(call: string, name: string, listener: unknown): void {
  if (Object.hasOwn(NAMES, name) && typeof listener === "function") return;
  throw new OwnlineError(
    "invalid_options",
    `${call}() takes the name of an event (${Object.keys(NAMES).join(", ")}) and a function`,
  );
}
