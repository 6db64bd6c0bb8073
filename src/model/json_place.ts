import { DataError } from "../errors.ts";
import { printable } from "../files/printable.ts";

/** A value within a JSON file with its path there, so that every fault can say where it is. */
export class JsonPlace {
  private constructor(
    /** Name of the file, for messages. */
    readonly file: string,
    /** Path within the file, such as `expected.losses.kl`; empty at its top. */
    readonly path: string,
    readonly value: unknown,
  ) {}

  /** The top value of `text`; throws DataError when it is not JSON. */
  static parse(text: string, file: string): JsonPlace {
    try {
      return new JsonPlace(file, "", JSON.parse(text));
    } catch (error) {
      const cause = error instanceof Error ? error.message : "unknown fault";
      throw new DataError(
        `Cannot read ${printable(file)}: it is not JSON: ${printable(cause)}`,
        "Get the file again; it may be cut off or of another kind.",
        { cause: error },
      );
    }
  }

  /** A DataError about this place. */
  fault(details: string): DataError {
    const place = this.path === "" ? "" : ` at ${printable(this.path)}`;
    return new DataError(
      `Cannot read ${printable(this.file)}${place}: ${details}`,
      "Get the file again; it may be damaged, edited or of another kind.",
    );
  }

  /** The value of `key` in this object; throws DataError when this is no object or lacks it. */
  key(key: string): JsonPlace {
    const path = this.path === "" ? key : `${this.path}.${key}`;
    const value = this.#object().get(key);
    if (value === undefined) throw new JsonPlace(this.file, path, undefined).fault("missing");
    return new JsonPlace(this.file, path, value);
  }

  /** The names in this object; throws DataError when it is none. */
  keys(): string[] {
    return [...this.#object().keys()];
  }

  #object(): ReadonlyMap<string, unknown> {
    const { value } = this;
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw this.fault("wanted an object");
    return new Map(Object.entries(value));
  }

  /** The entries of this list; throws DataError unless it is one, of `length` entries where that is given. */
  list(length?: number): JsonPlace[] {
    const { value } = this;
    if (!Array.isArray(value)) throw this.fault("wanted a list");
    if (length !== undefined && value.length !== length) {
      throw this.fault(`wanted ${length} entries, found ${value.length}`);
    }
    return value.map((entry: unknown, e) => new JsonPlace(this.file, `${this.path}[${e}]`, entry));
  }

  /** This number, finite; throws DataError otherwise. */
  number(): number {
    if (typeof this.value !== "number" || !Number.isFinite(this.value)) throw this.fault("wanted a finite number");
    return this.value;
  }

  /** This whole number from `minimum` to `maximum`; throws DataError otherwise. */
  integer(minimum: number, maximum: number): number {
    const value = this.number();
    if (!Number.isInteger(value) || value < minimum || value > maximum) {
      throw this.fault(`wanted a whole number from ${minimum} to ${maximum}, found ${value}`);
    }
    return value;
  }

  /** This text, one of `choices`; throws DataError otherwise. */
  choice<Choice extends string>(choices: readonly Choice[]): Choice {
    const found = choices.find((choice) => choice === this.value);
    if (found !== undefined) return found;
    const shown = typeof this.value === "string" ? `"${printable(this.value)}"` : "no text";
    throw this.fault(`wanted ${choices.map((choice) => `"${choice}"`).join(" or ")}, found ${shown}`);
  }

  /** The elements of this tensor `{shape, data}`, row-major; throws DataError unless it has `shape` and is finite. */
  tensor(shape: readonly number[]): Float64Array {
    const found = this.key("shape").list().map((extent) => extent.number());
    if (found.length !== shape.length || found.some((extent, axis) => extent !== shape[axis])) {
      throw this.key("shape").fault(`wanted [${shape.join(", ")}], found [${found.join(", ")}]`);
    }
    const data = this.key("data");
    const { value } = data;
    const size = shape.reduce((product, extent) => product * extent, 1);
    if (!Array.isArray(value) || value.length !== size) throw data.fault(`wanted a list of ${size} numbers`);
    const wrong = value.findIndex((entry: unknown) => typeof entry !== "number" || !Number.isFinite(entry));
    if (wrong !== -1) throw data.fault(`wanted a finite number as element ${wrong}`);
    return Float64Array.from(value);
  }
}
