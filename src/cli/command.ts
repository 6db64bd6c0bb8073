import type { CommandSpec, PositionalSpec } from "../libraries/arguments.ts";
import {
  type ConfigurationFile,
  type Origin,
  readConfigurationFile,
  type Resolved,
  resolveOptions,
} from "./configuration.ts";
import { type Declarations, optionSpecs, pathOf, textOption, type Values } from "./option.ts";
import type { Terminal } from "./output.ts";

/** What a command's body works with. */
export interface CommandContext<D extends Declarations> {
  /** Values of the declared options. */
  readonly values: Values<D>;
  /** Where each value came from. */
  readonly origins: { readonly [Key in keyof D]: Origin };
  readonly positionals: readonly string[];
  readonly terminal: Terminal;
}

/** A command as its file declares it. The body imports what it needs when it runs, so that `--help` stays quick. */
export interface CommandDeclaration<D extends Declarations> {
  readonly name: string;
  /** One line, small initial, no full stop. */
  readonly summary: string;
  readonly description?: string;
  readonly positionals?: readonly PositionalSpec[];
  readonly options: D;
  /** Whether `--config FILE` and `--set key=value` are taken. */
  readonly configurable?: boolean;
  /** Values that differ from the declared defaults because of other values, as a model's own recipe does. */
  readonly settle?: (resolved: Resolved<D>) => Partial<Values<D>>;
  /** Command lines shown in the help, without the prompt. */
  readonly examples?: readonly string[];
  /** Returns the exit code. */
  readonly run: (context: CommandContext<D>) => Promise<number>;
}

/** What was given to a command, still text. */
export interface Given {
  readonly options: ReadonlyMap<string, true | string | readonly string[]>;
  readonly positionals: readonly string[];
  readonly environment: (name: string) => string | undefined;
  /** What the user's own file says of the command's options. */
  readonly userFile?: ConfigurationFile;
}

/** A command whose options' types are closed in, so that commands stand in one list. */
export interface Command {
  readonly spec: CommandSpec;
  readonly declarations: Declarations;
  /** The names of the command whose options these are, where another one takes them all. */
  readonly optionsOf?: readonly string[];
  /** The values of the options, and where each came from. */
  readonly resolve: (given: Given) => Promise<Resolved<Declarations>>;
  /** Resolves the options, runs the body and returns the exit code. */
  readonly execute: (given: Given, terminal: Terminal) => Promise<number>;
}

/** Commands under one name, such as `data fetch`. */
export interface CommandGroup {
  readonly name: string;
  readonly summary: string;
  /** The child that is meant where none is named. */
  readonly fallback?: string;
  readonly children: readonly (Command | CommandGroup)[];
}

export function isGroup(entry: Command | CommandGroup): entry is CommandGroup {
  return "children" in entry;
}

/** A command and the names that lead to it, `["data", "fetch"]`. */
export interface PlacedCommand {
  readonly path: readonly string[];
  readonly command: Command;
}

/** All commands below `entries`, in their order. */
export function placedCommands(
  entries: readonly (Command | CommandGroup)[],
  above: readonly string[] = [],
): PlacedCommand[] {
  return entries.flatMap((entry) =>
    isGroup(entry)
      ? placedCommands(entry.children, [...above, entry.name])
      : [{ path: [...above, entry.spec.name], command: entry }]
  );
}

const configOption = textOption({
  placeholder: "file",
  description: "TOML or JSON file of option values; flags and the environment come first",
});

/** Closes a declaration into a command. */
export function defineCommand<D extends Declarations>(declaration: CommandDeclaration<D>): Command {
  const configurable = declaration.configurable ?? false;
  return {
    spec: {
      name: declaration.name,
      summary: declaration.summary,
      description: declaration.description ?? declaration.summary,
      positionals: (declaration.positionals ?? []).map((positional) => ({ ...pathOf(positional.name), ...positional })),
      options: [
        ...optionSpecs(declaration.options),
        ...configurable ? optionSpecs({ config: configOption }) : [],
        ...configurable
          ? [{
            flags: "--set <key=value>",
            description: "sets an option by its key; repeatable",
            kind: "list" as const,
          }]
          : [],
      ],
      ...notes(declaration.examples),
    },
    declarations: declaration.options,
    resolve: (given) => resolve(declaration, given),
    execute: async (given, terminal) => {
      const { values, origins } = await resolve(declaration, given);
      return declaration.run({ values, origins, positionals: given.positionals, terminal });
    },
  };
}

async function resolve<D extends Declarations>(
  { options: declarations, configurable = false, settle }: CommandDeclaration<D>,
  { options, environment, userFile }: Given,
): Promise<Resolved<D>> {
  const flags = new Map<string, true | string>();
  const assignments: string[] = [];
  for (const [key, value] of options) {
    if (value === true || typeof value === "string") flags.set(key, value);
    else assignments.push(...value);
  }
  const file = configurable ? await chosenFile(flags, environment) : undefined;
  const resolved = resolveOptions(declarations, {
    flags,
    assignments,
    environment,
    ...file === undefined ? {} : { file },
    ...userFile === undefined ? {} : { userFile },
  });
  return { ...resolved, values: { ...resolved.values, ...settle?.(resolved) } };
}

/** The file of `--config`, which is taken out of `flags`. */
async function chosenFile(
  flags: Map<string, true | string>,
  environment: Given["environment"],
): Promise<ConfigurationFile | undefined> {
  const { config } = resolveOptions({ config: configOption }, { flags, assignments: [], environment }).values;
  flags.delete("config");
  return config === undefined ? undefined : await readConfigurationFile(config);
}

function notes(examples: readonly string[] | undefined): { notes?: string } {
  if (examples === undefined) return {};
  return { notes: ["Examples:", ...examples.map((example) => `  ${example}`)].join("\n") };
}
