import { UsageError } from "../errors.ts";

/** The accepted values of one number of a configuration. */
export interface Range {
  readonly minimum: number;
  readonly maximum: number;
  readonly integer: boolean;
}

/** Whole numbers from `minimum` to `maximum`. */
export const whole = (minimum: number, maximum: number): Range => ({ minimum, maximum, integer: true });

/** Real numbers from `minimum` to `maximum`. */
export const real = (minimum: number, maximum: number): Range => ({ minimum, maximum, integer: false });

/** Throws UsageError, naming `key`, unless `value` lies in `range`. */
export function requireInRange(key: string, value: number, range: Range): void {
  const fits = Number.isFinite(value) && (!range.integer || Number.isInteger(value));
  if (fits && value >= range.minimum && value <= range.maximum) return;
  const kind = range.integer ? "a whole number" : "a number";
  throw new UsageError(`Cannot use ${key}: ${value}`, `Give ${kind} from ${range.minimum} to ${range.maximum}.`);
}
