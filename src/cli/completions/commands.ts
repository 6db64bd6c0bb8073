import type { CommandSpec, PositionalSpec, ValueSpec } from "../../libraries/arguments.ts";

/** An option as a shell completes it. */
export interface CompletedOption extends ValueSpec {
  /** `--help`, `-h`. */
  readonly names: readonly string[];
  readonly description: string;
  /** What stands for its value; undefined for a switch. */
  readonly placeholder?: string;
  readonly repeatable: boolean;
}

/** A command, a group of commands or the program itself as a shell completes it. */
export interface CompletedCommand {
  /** The words that lead to it, the program's name left out: `data fetch`; those of commands with its options too. */
  readonly paths: readonly string[];
  readonly children: readonly { readonly name: string; readonly summary: string }[];
  readonly options: readonly CompletedOption[];
  readonly positionals: readonly PositionalSpec[];
}

const HELP: CompletedOption = { names: ["--help", "-h"], description: "show this help", repeatable: false };
const VERSION: CompletedOption = { names: ["--version", "-V"], description: "print the version", repeatable: false };

/** Everything below `program`, itself first. A command that takes the options of another shares its entry. */
export function completedCommands(program: CommandSpec): CompletedCommand[] {
  const all = walk(program, []);
  return all.flatMap(({ spec, path }): CompletedCommand[] => {
    if (spec.optionsOf !== undefined) return [];
    const called = [program.name, ...path].join(" ");
    const alike = all.filter((other) => other.spec.optionsOf === called).map((other) => other.path.join(" "));
    const version = spec.version === undefined ? [] : [VERSION];
    return [{
      paths: [path.join(" "), ...alike],
      children: (spec.children ?? []).map(({ name, summary }) => ({ name, summary })),
      options: [...(spec.options ?? []).map(completedOption), HELP, ...version],
      positionals: spec.positionals ?? [],
    }];
  });
}

/** The names of all options that take a value; throws TypeError for one that is a switch elsewhere. */
export function valuedNames(commands: readonly CompletedCommand[]): string[] {
  const options = commands.flatMap((command) => command.options);
  const valued = new Set(options.filter(({ placeholder }) => placeholder !== undefined).flatMap(({ names }) => names));
  const both = options.find(({ names, placeholder }) => placeholder === undefined && names.some((n) => valued.has(n)));
  if (both !== undefined) throw new TypeError(`${both.names[0]} is a switch here and takes a value there`);
  return [...valued];
}

function walk(spec: CommandSpec, path: readonly string[]): { spec: CommandSpec; path: readonly string[] }[] {
  return [{ spec, path }, ...(spec.children ?? []).flatMap((child) => walk(child, [...path, child.name]))];
}

function completedOption(spec: NonNullable<CommandSpec["options"]>[number]): CompletedOption {
  const { flags, description, kind, choices, words, path } = spec;
  const placeholder = /<(.*)>$/.exec(flags)?.[1];
  return {
    names: flags.replace(/ <.*>$/, "").split(/,? /),
    description,
    repeatable: kind === "list",
    ...placeholder === undefined ? {} : { placeholder },
    ...choices === undefined ? {} : { choices },
    ...words === undefined ? {} : { words },
    ...path === undefined ? {} : { path },
  };
}
