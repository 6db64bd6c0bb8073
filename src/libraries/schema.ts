import { type GenericSchema, getDotPath, type InferOutput, safeParse } from "valibot";

/** The words in which the shape of a JSON value is described. */
export {
  array,
  boolean,
  exactOptional,
  finite,
  integer,
  literal,
  minValue,
  null_,
  nullable,
  number,
  optional,
  picklist,
  pipe,
  record,
  regex,
  safeInteger,
  strictObject,
  string,
  union,
  unknown,
} from "valibot";

/** The type of the values that `Shape` describes. */
export type Described<Shape extends GenericSchema> = InferOutput<Shape>;

/** A value of the described shape, or the first place where it differs: `configuration.seed: Invalid type …`. */
export type ShapeResult<Value> = { readonly value: Value } | { readonly fault: string };

/** Compares `value` with `shape`; unknown keys of a strict object are faults. Never throws. */
export function checkShape<Shape extends GenericSchema>(shape: Shape, value: unknown): ShapeResult<Described<Shape>> {
  const result = safeParse(shape, value, { abortEarly: true });
  if (result.success) return { value: result.output };
  const [issue] = result.issues;
  return { fault: [getDotPath(issue), issue.message].filter((part) => part !== null).join(": ") };
}
