import { kebabCase } from "../model/key_name.ts";
import type { Command, Given } from "./command.ts";
import { formatColumns } from "./format.ts";
import type { Declarations } from "./option.ts";
import { jsonDocument, type Terminal } from "./output.ts";
import { userFilePath } from "./user_file.ts";

/** The command whose options are shown. */
interface Shown extends Pick<Command, "declarations" | "resolve"> {
  readonly path: readonly string[];
}

/** The body of `epsilon config show`. */
export async function showConfiguration(
  { path, declarations, resolve }: Shown,
  given: Given,
  terminal: Terminal,
): Promise<number> {
  const json = given.options.get("json") === true;
  // Where the command has no --json of its own, the flag is no option of it.
  const options = new Map([...given.options].filter(([key]) => key !== "json" || "json" in declarations));
  const { values, origins, places } = await resolve({ ...given, options });
  const rows = Object.keys(declarations).map((key) => ({
    name: kebabCase(key),
    value: values[key] ?? null,
    origin: origins[key],
    place: places[key] ?? null,
    shown: shownValue(values[key], declarations[key]),
  }));
  const userFile = given.userFile?.path ?? null;
  if (json) {
    const entries = rows.map(({ name, value, origin, place }) => [name, { value, origin, place }]);
    const command = path.join(" ");
    await terminal.write(jsonDocument({ command, user_file: userFile, options: Object.fromEntries(entries) }));
    return 0;
  }
  const table = rows.map(({ name, shown, origin, place }) => [name, shown, origin, place ?? ""]);
  await terminal.write(formatColumns(["option", "value", "origin", "given by"], table, { left: true }));
  const expected = userFilePath();
  if (userFile === null && expected !== undefined) terminal.say(`There is no file of your own defaults, ${expected}.`);
  return 0;
}

/** A value as people read it; one that is not there as what happens instead. */
function shownValue(value: unknown, { shownDefault }: Declarations[string]): string {
  if (value !== undefined) return String(value);
  return shownDefault === undefined ? "-" : `(${shownDefault})`;
}
