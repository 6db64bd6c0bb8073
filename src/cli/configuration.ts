import { DataError, UsageError } from "../errors.ts";
import { fileError } from "../files/file_error.ts";
import { printable } from "../files/printable.ts";
import { parseToml, TomlSyntaxError } from "../libraries/toml.ts";
import { kebabCase } from "../model/key_name.ts";
import { nearestName, suggestName } from "../nearest.ts";
import { camelCase, type Declarations, environmentName, type Values } from "./option.ts";

/** Where a value came from, the strongest first; `--set` counts as a flag, `file` is that of `--config`. */
export type Origin = "flag" | "environment" | "file" | "user file" | "default";

/** Whether a value was asked for in this call; the user's own defaults are not, no more than the program's. */
export function isGiven(origin: Origin): boolean {
  return origin !== "default" && origin !== "user file";
}

/** The values of a command's options and where each came from. */
export interface Resolved<D extends Declarations> {
  readonly values: Values<D>;
  readonly origins: { readonly [Key in keyof D]: Origin };
  /** How each place is called, `EPSILON_SEED` or `seed in run.toml`; undefined for a default. */
  readonly places: { readonly [Key in keyof D]: string | undefined };
}

/** What was given, still text, by place. */
export interface Sources {
  /** By camel-case key. */
  readonly flags: ReadonlyMap<string, true | string>;
  /** `key=value` texts of `--set`. */
  readonly assignments: readonly string[];
  /** The variable's text, or undefined. */
  readonly environment: (name: string) => string | undefined;
  readonly file?: ConfigurationFile;
  /** What the user's own file says of this command's options. */
  readonly userFile?: ConfigurationFile;
}

/** A configuration file as read: a flat table. */
export interface ConfigurationFile {
  readonly path: string;
  readonly entries: Readonly<Record<string, unknown>>;
}

interface Given {
  readonly text: string;
  /** How an error names the place. */
  readonly place: string;
}

const LARGEST_FILE = 1 << 20;

/**
 * The value of every option: flag or `--set`, then environment, then file, then the user's file, then default. An
 * environment variable that is set but empty counts as not set. Throws UsageError for unknown keys, values of another kind and keys given twice.
 */
export function resolveOptions<D extends Declarations>(declarations: D, sources: Sources): Resolved<D> {
  const assigned = readAssignments(declarations, sources);
  const filed = readEntries(declarations, sources.file);
  const usual = readEntries(declarations, sources.userFile);
  const resolved = Object.entries(declarations).map(([key, declaration]) => {
    const flag = sources.flags.get(key);
    const variable = environmentName(key);
    const text = sources.environment(variable);
    const candidates: readonly (readonly [Origin, Given | undefined])[] = [
      ["flag", flag === undefined ? undefined : { text: String(flag), place: `--${kebabCase(key)}` }],
      ["flag", assigned.get(key)],
      ["environment", text === undefined || text === "" ? undefined : { text, place: variable }],
      ["file", filed.get(key)],
      ["user file", usual.get(key)],
    ];
    for (const [origin, given] of candidates) {
      if (given === undefined) continue;
      const value = declaration.read(given.text);
      if (value === undefined) throw unusable(given, declaration);
      return { key, value, origin, place: given.place };
    }
    return { key, value: declaration.fallback, origin: "default" as const, place: undefined };
  });
  return {
    values: Object.fromEntries(resolved.map(({ key, value }) => [key, value])) as Values<D>,
    origins: Object.fromEntries(resolved.map(({ key, origin }) => [key, origin])) as Resolved<D>["origins"],
    places: Object.fromEntries(resolved.map(({ key, place }) => [key, place])) as Resolved<D>["places"],
  };
}

function unusable({ text, place }: Given, { wanted, choices = [], words = [] }: Declarations[string]): UsageError {
  const hint = `Give ${wanted}.`;
  const unknown = text.split(",").map((part) => part.trim()).find((part) => !words.includes(part));
  const nearest = nearestName(text, choices) ?? nearestName(unknown ?? "", words);
  return new UsageError(
    `Cannot use ${place}: "${printable(text)}"`,
    nearest === undefined ? hint : `Did you mean ${nearest}? ${hint}`,
  );
}

function readAssignments(declarations: Declarations, { assignments, flags }: Sources): Map<string, Given> {
  const given = new Map<string, Given>();
  for (const assignment of assignments) {
    const equals = assignment.indexOf("=");
    if (equals < 1) throw new UsageError(`Cannot use --set: "${printable(assignment)}"`, "Give --set key=value.");
    const name = assignment.slice(0, equals).trim();
    const key = knownKey(declarations, name, "--set");
    if (given.has(key) || flags.has(key)) {
      throw new UsageError(`Cannot use --set ${printable(name)}: it is given twice`, "Give each option once.");
    }
    given.set(key, { text: assignment.slice(equals + 1).trim(), place: `--set ${printable(name)}` });
  }
  return given;
}

function readEntries(declarations: Declarations, file: ConfigurationFile | undefined): Map<string, Given> {
  const given = new Map<string, Given>();
  if (file === undefined) return given;
  for (const [name, value] of Object.entries(file.entries)) {
    const key = knownKey(declarations, name, file.path);
    const place = `${printable(name)} in ${printable(file.path)}`;
    if (given.has(key)) throw new UsageError(`Cannot use ${place}: it is given twice`, "Give each key once.");
    if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") {
      const found = value === null ? "null" : Array.isArray(value) ? "a list" : "a table";
      throw new UsageError(`Cannot use ${place}: ${found}`, `Give ${declarations[key].wanted}.`);
    }
    given.set(key, { text: String(value), place });
  }
  return given;
}

function knownKey(declarations: Declarations, name: string, place: string): string {
  const key = camelCase(name);
  if (Object.hasOwn(declarations, key)) return key;
  const hint = suggestName(kebabCase(key), Object.keys(declarations).map(kebabCase), "See --help for the keys.");
  throw new UsageError(`Cannot use ${printable(place)}: unknown key "${printable(name)}"`, hint);
}

/** Reads a `.toml` or `.json` file; throws UsageError for another extension and DataError for a broken file. */
export async function readConfigurationFile(path: string): Promise<ConfigurationFile> {
  const extension = path.match(/\.(toml|json)$/i)?.[1].toLowerCase();
  if (extension === undefined) {
    throw new UsageError(`Cannot read the configuration: ${printable(path)}`, "Give a .toml or .json file.");
  }
  const text = await readSmallFile(path);
  const entries: unknown = extension === "toml" ? readToml(path, text) : readJson(path, text);
  if (typeof entries !== "object" || entries === null || Array.isArray(entries)) {
    throw new DataError(
      `Cannot read the configuration: ${printable(path)}`,
      'Write one JSON object, { "key": value, … }.',
    );
  }
  return { path, entries: entries as Record<string, unknown> };
}

async function readSmallFile(path: string): Promise<string> {
  const action = "Cannot read the configuration:";
  let bytes: Uint8Array;
  try {
    const { isFile, size } = await Deno.stat(path);
    if (!isFile) throw new DataError(`${action} ${printable(path)} is no file`, "Give a file.");
    if (size > LARGEST_FILE) {
      throw new DataError(`${action} ${printable(path)} has ${size} bytes`, "Give a file under 1 MiB.");
    }
    bytes = await Deno.readFile(path);
  } catch (error) {
    throw fileError(action, path, error);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new DataError(`${action} ${printable(path)} is not UTF-8`, "Save it as UTF-8.", { cause: error });
  }
}

function readToml(path: string, text: string): unknown {
  try {
    return parseToml(text);
  } catch (error) {
    if (!(error instanceof TomlSyntaxError)) throw error;
    throw new DataError(
      `Cannot read the configuration: ${printable(path)}, line ${error.line}, column ${error.column}: ${
        printable(error.reason)
      }`,
      "Mend that line.",
      { cause: error },
    );
  }
}

function readJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`Cannot read the configuration: ${printable(path)}: ${printable(reason)}`, "Mend that place.", {
      cause: error,
    });
  }
}
