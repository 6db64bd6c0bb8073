import { UsageError } from "../errors.ts";
import { parseCommandLine } from "../libraries/arguments.ts";
import { placedCommands } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { suggestName } from "../nearest.ts";
import { environmentName } from "./option.ts";
import { reportFailure, type Terminal } from "./output.ts";
import { PROGRAM } from "./program_spec.ts";
import { textColumns } from "./screen.ts";
import { readUserFile, userEntries } from "./user_file.ts";

/** Environment variables with a meaning beside those of the options. */
const OTHER_VARIABLES = ["EPSILON_DEBUG", "EPSILON_SHARED"];

/**
 * Runs the program on `args` (without its name) and returns the exit code. Never throws: a failure becomes one line
 * on standard error; a reader of standard output that has gone (`| head`) ends the program quietly.
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const line = parseCommandLine(PROGRAM, args, textColumns());
    if (line.kind === "print") {
      await terminal.write(line.text);
      return 0;
    }
    warnOfUnknownVariables(terminal);
    return await runCommand(line, terminal);
  } catch (error) {
    return reportFailure(error);
  }
}

/** What the parser found: a command's names and what was given to it. */
type Found = Extract<ReturnType<typeof parseCommandLine>, { kind: "run" }>;

async function runCommand({ path, ...given }: Found, terminal: Terminal): Promise<number> {
  const commands = placedCommands(COMMANDS);
  const command = commands.find((placed) => placed.path.join(" ") === path.join(" "))?.command;
  if (command === undefined) {
    throw new UsageError(`Cannot find the command: ${path.join(" ")}`, "Run epsilon --help for the commands.");
  }
  const environment = (name: string) => Deno.env.get(name);
  const file = await readUserFile();
  const own = commands.filter((placed) => placed.command.optionsOf === undefined);
  const userFile = file === undefined ? {} : { userFile: userEntries(file, command.optionsOf ?? path, own) };
  return await command.execute({ ...given, environment, ...userFile }, terminal);
}

/** A mistyped variable would otherwise be ignored in silence. */
function warnOfUnknownVariables(terminal: Terminal): void {
  const keys = placedCommands(COMMANDS).flatMap(({ command }) => ["config", ...Object.keys(command.declarations)]);
  const known = new Set([...OTHER_VARIABLES, ...keys.map(environmentName)]);
  for (const name of Object.keys(Deno.env.toObject())) {
    if (!name.startsWith("EPSILON_") || known.has(name)) continue;
    terminal.warn(`${name} has no meaning. ${suggestName(name, known, "See epsilon --help.")}`);
  }
}
