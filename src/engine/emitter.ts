import { EventEmitter } from "eventemitter3";
import type { Logger } from "../logger.ts";
import type { OwnlineEvents } from "../model/events.ts";
import type { Emit } from "./context.ts";
import { describeThrown, kindOfThrown } from "./thrown.ts";

/** Listeners of this process. */
export interface Emitter {
  on<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): unknown;
  off<Name extends keyof OwnlineEvents>(name: Name, listener: OwnlineEvents[Name]): unknown;
  /** Calls every listener. One that throws, or rejects, is logged, and harms neither the others nor the work. */
  readonly emit: Emit;
}

export function createEmitter(logger: Logger): Emitter {
  const emitter = new EventEmitter();
  return {
    on: (name, listener) => emitter.on(name, listener),
    off: (name, listener) => emitter.off(name, listener),
    emit(name, ...args) {
      const failed = (error: unknown) => {
        logger.error(`a listener of "${name}" failed, and the work went on without it: ${kindOfThrown(error)}`);
        logger.debug(describeThrown(error));
      };
      for (const listener of emitter.listeners(name)) {
        try {
          const result: unknown = Reflect.apply(listener, undefined, args);
          if (result instanceof Promise) result.catch(failed);
        } catch (error) {
          failed(error);
        }
      }
    },
  };
}
