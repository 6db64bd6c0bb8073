import { UsageError } from "../errors.ts";
import { type CommandSpec, parseCommandLine } from "../libraries/arguments.ts";
import { VERSION } from "../version.ts";
import type { Command, CommandGroup } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { suggestName } from "./nearest.ts";
import { environmentName } from "./option.ts";
import { reportFailure, type Terminal } from "./output.ts";

/** Environment variables with a meaning beside those of the options. */
const OTHER_VARIABLES = ["EPSILON_DEBUG", "EPSILON_SHARED"];

const PROGRAM: CommandSpec = {
  name: "epsilon",
  summary: "trains and runs Epsilon, a transformer with adaptive computation and quantised attention",
  version: VERSION,
  children: COMMANDS.map((entry) => isGroup(entry) ? groupSpec(entry) : entry.spec),
  notes: [
    "Options can also be given in the environment: --learning-rate as EPSILON_LEARNING_RATE.",
    "Run epsilon COMMAND --help for a command's options and their defaults.",
    "Exit codes: 0 done, 1 the run failed, 2 usage, 3 data or file, 4 no such device, 5 verification mismatch,",
    "75 stopped by SIGTERM or SIGUSR1 after saving, 130 interrupted.",
  ].join("\n"),
};

/**
 * Runs the program on `args` (without its name) and returns the exit code. Never throws: a failure becomes one line
 * on standard error; a reader of standard output that has gone (`| head`) ends the program quietly.
 */
export async function runProgram(args: readonly string[], terminal: Terminal): Promise<number> {
  try {
    const line = parseCommandLine(PROGRAM, args);
    if (line.kind === "print") {
      await terminal.write(line.text);
      return 0;
    }
    warnOfUnknownVariables(terminal);
    const environment = (name: string) => Deno.env.get(name);
    return await findCommand(line.path).execute({ ...line, environment }, terminal);
  } catch (error) {
    return reportFailure(error);
  }
}

function isGroup(entry: Command | CommandGroup): entry is CommandGroup {
  return "children" in entry;
}

function groupSpec(group: CommandGroup): CommandSpec {
  return { name: group.name, summary: group.summary, children: group.children.map((child) => child.spec) };
}

function findCommand(path: readonly string[]): Command {
  const entries = path.reduce<readonly (Command | CommandGroup)[]>((level, name, depth) => {
    const found = level.filter((entry) => (isGroup(entry) ? entry.name : entry.spec.name) === name);
    return depth === path.length - 1 ? found : found.flatMap((entry) => isGroup(entry) ? entry.children : []);
  }, COMMANDS);
  const command = entries.find((entry) => !isGroup(entry));
  if (command === undefined || isGroup(command)) {
    throw new UsageError(`Cannot find the command: ${path.join(" ")}`, "Run epsilon --help for the commands.");
  }
  return command;
}

/** A mistyped variable would otherwise be ignored in silence. */
function warnOfUnknownVariables(terminal: Terminal): void {
  const commands = COMMANDS.flatMap((entry) => isGroup(entry) ? entry.children : [entry]);
  const keys = commands.flatMap((command) => ["config", ...Object.keys(command.declarations)]);
  const known = new Set([...OTHER_VARIABLES, ...keys.map(environmentName)]);
  for (const name of Object.keys(Deno.env.toObject())) {
    if (!name.startsWith("EPSILON_") || known.has(name)) continue;
    terminal.warn(`${name} has no meaning. ${suggestName(name, known, "See epsilon --help.")}`);
  }
}
