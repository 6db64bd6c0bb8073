import { join } from "node:path";
import { DataError, UsageError } from "../errors.ts";
import { configFolder } from "../files/folders.ts";
import { kebabCase } from "../model/key_name.ts";
import type { PlacedCommand } from "./command.ts";
import { type ConfigurationFile, readConfigurationFile } from "./configuration.ts";
import { suggestName } from "../nearest.ts";
import { camelCase } from "./option.ts";

/** Where the user's own defaults stand; undefined when no home folder is known. */
export function userFilePath(): string | undefined {
  try {
    return join(configFolder(), "config.toml");
  } catch {
    return undefined;
  }
}

/** The user's file; undefined when there is none. Throws DataError when it is broken. */
export async function readUserFile(): Promise<ConfigurationFile | undefined> {
  const path = userFilePath();
  if (path === undefined) return undefined;
  try {
    return await readConfigurationFile(path);
  } catch (error) {
    if (error instanceof DataError && error.cause instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/**
 * What the user's file says of the command at `path`: the keys of its table, `[train]` or `[data-fetch]`, and those
 * outside of all tables that the command knows. Throws UsageError for a key or table that no command knows.
 */
export function userEntries(
  file: ConfigurationFile,
  path: readonly string[],
  commands: readonly PlacedCommand[],
): ConfigurationFile {
  const tables = new Map(commands.map((placed) => [placed.path.join("-"), placed.command.declarations]));
  const keys = new Set([...tables.values()].flatMap((declarations) => Object.keys(declarations)));
  const own = tables.get(path.join("-")) ?? {};
  const entries = new Map<string, unknown>();
  const above: (readonly [string, unknown])[] = [];
  for (const [name, value] of Object.entries(file.entries)) {
    if (isTable(value) && tables.has(name)) {
      if (name === path.join("-")) above.push(...Object.entries(value));
      continue;
    }
    if (!keys.has(camelCase(name))) throw unknownKey(file.path, name, [...[...keys].map(kebabCase), ...tables.keys()]);
    if (Object.hasOwn(own, camelCase(name))) entries.set(name, value);
  }
  const overridden = new Set(above.map(([name]) => camelCase(name)));
  const shared = [...entries].filter(([name]) => !overridden.has(camelCase(name)));
  return { path: file.path, entries: Object.fromEntries([...shared, ...above]) };
}

function isTable(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function unknownKey(path: string, name: string, known: readonly string[]): UsageError {
  const hint = suggestName(kebabCase(camelCase(name)), known, "See epsilon COMMAND --help for the keys.");
  return new UsageError(`Cannot use ${path}: unknown key "${name}"`, hint);
}
