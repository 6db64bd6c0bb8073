import { Argument, Command, CommanderError, type Help, Option } from "commander";
import { UsageError } from "../errors.ts";

/** What a value that names something on the disk can be; a `path` is either. */
export type PathKind = "file" | "folder" | "path";

/** What a value can be, for those who complete it. */
export interface ValueSpec {
  /** All words that it can be. */
  readonly choices?: readonly string[];
  /** Words of which it is a list with commas between. */
  readonly words?: readonly string[];
  readonly path?: PathKind;
}

/** One option as the parser and the help see it. */
export interface OptionSpec extends ValueSpec {
  /** `--batch-size <n>`, `-o, --out <dir>`, `--json`. */
  readonly flags: string;
  readonly description: string;
  /** A `switch` takes no value, a `list` may be given many times. */
  readonly kind: "switch" | "value" | "list";
  /** What the help names as the default; nothing when absent. */
  readonly shownDefault?: string;
  /** Heading of the help under which the option stands. */
  readonly group?: string;
}

/** One positional argument. */
export interface PositionalSpec extends ValueSpec {
  readonly name: string;
  readonly description: string;
  readonly required: boolean;
  /** Takes all that follow; only the last one may. */
  readonly variadic?: boolean;
}

/** A command, or a group of commands when `children` is not empty. */
export interface CommandSpec {
  readonly name: string;
  readonly summary: string;
  readonly description?: string;
  readonly positionals?: readonly PositionalSpec[];
  readonly options?: readonly OptionSpec[];
  readonly children?: readonly CommandSpec[];
  /** The child that is meant where a command line names none. */
  readonly fallback?: string;
  /** Printed after the options in the help, wrapped but for lines that are indented. */
  readonly notes?: string;
  /** The command whose options these are, where another one takes them all. */
  readonly optionsOf?: string;
  /** Set on the program only: what `--version` prints. */
  readonly version?: string;
}

/** What a command line asks for: a text to print, or a command with what was given, all still text. */
export type CommandLine =
  | { readonly kind: "print"; readonly text: string }
  | {
    readonly kind: "run";
    /** Names from the program's child to the command itself. */
    readonly path: readonly string[];
    /** Only what was given, by camel-case name: `true` for a switch, text for a value, texts for a list. */
    readonly options: ReadonlyMap<string, true | string | readonly string[]>;
    readonly positionals: readonly string[];
  };

const HELP_CODES = new Set(["commander.helpDisplayed", "commander.help", "commander.version"]);

/**
 * Reads `args` (without the program's name) by the rules of `program`; help is made for lines of `columns`.
 * Throws UsageError, with the nearest name where one is near, when they do not fit.
 */
export function parseCommandLine(program: CommandSpec, args: readonly string[], columns = 100): CommandLine {
  let printed = "";
  let found: CommandLine | undefined;
  const root = build(program, [], {
    run: (line) => found = line,
    print: (text) => printed += text,
    columns: Math.min(120, columns),
  });
  try {
    root.parse(plainArguments(program, args), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (HELP_CODES.has(error.code) && error.exitCode === 0) return { kind: "print", text: printed };
    throw usageError(error, program, args);
  }
  return found ?? { kind: "print", text: root.helpInformation() };
}

/**
 * `ablate grid.toml` as `ablate grid grid.toml`; `help data fetch` as `data fetch --help`, and nothing behind a word that should name a command and names none: the
 * parser would rather show the help of the commands that there are than say so.
 */
function plainArguments(spec: CommandSpec, args: readonly string[]): string[] {
  const [word, ...rest] = args;
  if (spec.children === undefined || word === undefined) return [...args];
  const named = word === "help" || spec.children.some(({ name }) => name === word);
  if (spec.fallback !== undefined && !named && !["-h", "--help"].includes(word)) return [spec.fallback, ...args];
  if (word.startsWith("-")) return [...args];
  if (word === "help") return namesCommand(spec, rest) ? [...rest, "--help"] : plainArguments(spec, rest);
  const child = spec.children.find(({ name }) => name === word);
  return child === undefined ? [word] : [word, ...plainArguments(child, rest)];
}

function namesCommand(spec: CommandSpec, [word, ...rest]: readonly string[]): boolean {
  if (word === undefined) return true;
  const child = spec.children?.find(({ name }) => name === word);
  return child !== undefined && namesCommand(child, rest);
}

interface Building {
  readonly run: (line: CommandLine) => void;
  readonly print: (text: string) => void;
  readonly columns: number;
}

function build(spec: CommandSpec, path: readonly string[], building: Building): Command {
  const { run, print, columns } = building;
  const command = new Command(spec.name)
    .summary(spec.summary)
    .description(spec.description ?? spec.summary)
    .helpOption("-h, --help", "show this help")
    .showSuggestionAfterError(true)
    .exitOverride()
    .configureHelp({ minWidthToWrap: LEAST_COLUMNS, formatItem: helpItem })
    .configureOutput({ writeOut: print, writeErr: () => {}, getOutHelpWidth: () => columns });
  if (spec.version !== undefined) command.version(spec.version, "-V, --version", "print the version");
  for (const option of spec.options ?? []) command.addOption(buildOption(option));
  for (const positional of spec.positionals ?? []) command.addArgument(buildArgument(positional));
  for (const child of spec.children ?? []) command.addCommand(build(child, [...path, child.name], building));
  if (spec.notes !== undefined) command.addHelpText("after", `\n${wrapped(spec.notes, columns)}`);
  if (spec.children === undefined) {
    command.helpCommand(false).action(() => {
      const given = Object.entries(command.opts<Record<string, true | string | string[]>>());
      run({ kind: "run", path, options: new Map(given), positionals: command.args });
    });
  }
  return command;
}

/** `text` in lines of at most `columns` characters where its words allow it; indented lines stay as they are. */
function wrapped(text: string, columns: number): string {
  const words = new RegExp(`\\S.{0,${Math.max(LEAST_COLUMNS, columns) - 1}}(?= |$)|\\S+`, "g");
  return text.split("\n").map((line) => line.startsWith(" ") ? line : line.match(words)?.join("\n") ?? "").join("\n");
}

/** Least columns in which text is wrapped, and least that a description gets beside its term. */
const LEAST_COLUMNS = 20;

/** A term and its description beside it, or below it where the lines are short. */
function helpItem(term: string, termWidth: number, description: string, helper: Help): string {
  const width = helper.helpWidth ?? 80;
  const beside = width - termWidth - 4;
  if (beside >= 2 * LEAST_COLUMNS) {
    const lines = helper.boxWrap(description, beside).split("\n");
    return lines.map((line, i) => `  ${(i === 0 ? term : "").padEnd(termWidth)}  ${line}`.trimEnd()).join("\n");
  }
  const lines = helper.boxWrap(description, width - 6).split("\n");
  return [`  ${term}`, ...lines.map((line) => `      ${line}`)].join("\n");
}

/** The default stands in the description, so that `opts()` holds only what was given. */
function buildOption(spec: OptionSpec): Option {
  const shown = spec.shownDefault === undefined ? "" : ` (default: ${spec.shownDefault})`;
  const option = new Option(spec.flags, spec.description + shown);
  if (spec.group !== undefined) option.helpGroup(spec.group);
  if (spec.kind === "list") {
    option.argParser((text: string, before: readonly string[] | undefined) => [...before ?? [], text]);
  }
  return option;
}

function buildArgument(spec: PositionalSpec): Argument {
  const name = spec.variadic ? `${spec.name}...` : spec.name;
  return new Argument(spec.required ? `<${name}>` : `[${name}]`, spec.description);
}

/** Turns the parser's "error: unknown option '--epoch'\n(Did you mean --epochs?)" into an error of the house. */
function usageError(error: CommanderError, program: CommandSpec, args: readonly string[]): UsageError {
  const { names, spec } = addressed(program, args);
  const help = `${names.join(" ")} --help`;
  if (error.code === "commander.help") {
    return new UsageError("Cannot choose what to do: no command was given", `Run ${help} for the commands.`);
  }
  const [message, ...rest] = error.message.replace(/^error: /, "").split("\n");
  const suggestion = rest.join(" ").match(/^\((.*)\)$/)?.[1] ?? secondDash(message, spec);
  const hint = suggestion === undefined ? `Run ${help} for what there is.` : `${suggestion} Run ${help} for all.`;
  return new UsageError(`Cannot read the command line: ${message.replace(/\.$/, "")}`, hint);
}

/** What to say of `-epochs`, where there is `--epochs`. */
function secondDash(message: string, { options = [] }: CommandSpec): string | undefined {
  const name = /^unknown option '-([a-z][a-z-]+)/.exec(message)?.[1];
  const meant = options.some(({ flags }) => flags.split(/[ ,]/).includes(`--${name}`));
  return name !== undefined && meant ? `Did you mean --${name}?` : undefined;
}

/** The names of the program and of the commands that `args` begin with, and the last of them. */
function addressed(program: CommandSpec, args: readonly string[]): { names: string[]; spec: CommandSpec } {
  const child = program.children?.find(({ name }) => name === args[0]);
  if (child === undefined) return { names: [program.name], spec: program };
  const { names, spec } = addressed(child, args.slice(1));
  return { names: [program.name, ...names], spec };
}
