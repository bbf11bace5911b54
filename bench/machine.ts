import { cpus, loadavg, platform } from "node:os";

/** The machine of a measurement, in general words. */
export interface Machine {
  readonly cores: number;
  /** `Linux`. */
  readonly system: string;
  /** `v24.21.0`. */
  readonly node: string;
  /** The databases' versions, as they name themselves: `PostgreSQL 18.4`. */
  readonly databases: readonly string[];
  /** The load average of the last minute, when the part began. */
  readonly load: number;
  /** `2026-11-30`. */
  readonly date: string;
}

const SYSTEMS: Readonly<Record<string, string>> = { linux: "Linux", darwin: "macOS", win32: "Windows" };

export function machine(databases: readonly string[], load: number): Machine {
  return {
    cores: cpus().length,
    system: SYSTEMS[platform()] ?? platform(),
    node: process.version,
    databases,
    load,
    date: new Date().toISOString().slice(0, 10),
  };
}

/** The load average of the last minute, with one digit after the point. */
export function loadNow(): number {
  return Math.round((loadavg()[0] ?? 0) * 10) / 10;
}
