import type { CommandSpec } from "../libraries/arguments.ts";
import { VERSION } from "../version.ts";
import { type Command, type CommandGroup, isGroup } from "./command.ts";
import { COMMANDS } from "./commands.ts";
import { EXIT_CODES } from "./exit_codes.ts";

/** The whole command line as data: what the parser, the help, the completions and the manual are made of. */
export const PROGRAM: CommandSpec = {
  name: "epsilon",
  summary: "trains and runs Epsilon, a transformer with adaptive computation and quantised attention",
  version: VERSION,
  children: COMMANDS.map(specOf),
  notes: [
    "Options can also be given in the environment: --learning-rate as EPSILON_LEARNING_RATE.",
    "Run epsilon COMMAND --help for a command's options and their defaults.",
    `Exit codes: ${EXIT_CODES.map(([code, meaning]) => `${code} ${meaning}`).join(", ")}.`,
  ].join("\n"),
};

function specOf(entry: Command | CommandGroup): CommandSpec {
  if (!isGroup(entry)) return entry.spec;
  const { name, summary, fallback, children } = entry;
  return { name, summary, ...fallback === undefined ? {} : { fallback }, children: children.map(specOf) };
}
