import type { OptionSpec, PathKind, ValueSpec } from "../libraries/arguments.ts";
import { kebabCase } from "../model/key_name.ts";
import type { Range } from "../model/range.ts";

/**
 * One option, declared once. Its key gives the other names: `learningRate` is `--learning-rate` on the command line,
 * `EPSILON_LEARNING_RATE` in the environment and `learning-rate` in a configuration file.
 */
export interface OptionDeclaration<Value> {
  readonly kind: "switch" | "value";
  /** What stands for the value in the help, for example `n`; empty for a switch. */
  readonly placeholder: string;
  readonly description: string;
  /** Value when none is given. */
  readonly fallback: Value;
  /** What the help names as the default; absent when it says nothing. */
  readonly shownDefault?: string;
  /** Heading of the help. */
  readonly group?: string;
  /** All words that the value can be. */
  readonly choices?: readonly string[];
  /** Words of which the value is a list with commas between. */
  readonly words?: readonly string[];
  /** Completes "wanted …" in an error. */
  readonly wanted: string;
  /** The value that `text` stands for, or undefined when it stands for none. */
  readonly read: (text: string) => Value | undefined;
}

export type Declarations = Readonly<Record<string, OptionDeclaration<unknown>>>;

/** The values of a table of declarations. */
export type Values<D extends Declarations> = {
  readonly [Key in keyof D]: D[Key] extends OptionDeclaration<infer Value> ? Value : never;
};

interface Common {
  readonly description: string;
  readonly placeholder?: string;
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** A number within `range`. */
export function numberOption(
  declaration: Common & { readonly fallback: number; readonly range: Range; readonly shownDefault?: string },
): OptionDeclaration<number> {
  const { fallback, range: { minimum, maximum, integer } } = declaration;
  return {
    kind: "value",
    placeholder: declaration.placeholder ?? (integer ? "n" : "x"),
    description: declaration.description,
    fallback,
    shownDefault: declaration.shownDefault ?? String(fallback),
    wanted: `${integer ? "a whole number" : "a number"} from ${minimum} to ${maximum}`,
    read: (text) => {
      const value = NUMBER.test(text) ? Number(text) : NaN;
      const fits = value >= minimum && value <= maximum && (!integer || Number.isSafeInteger(value));
      return fits ? value : undefined;
    },
  };
}

/** One of a few words; `fallback` is the default. */
export function choiceOption<const Choice extends string>(
  choices: readonly Choice[],
  declaration: Common & { readonly fallback: NoInfer<Choice> },
): OptionDeclaration<Choice> {
  return {
    kind: "value",
    placeholder: declaration.placeholder ?? choices.join("|"),
    description: declaration.description,
    fallback: declaration.fallback,
    shownDefault: declaration.fallback,
    choices,
    wanted: choices.join(" or "),
    read: (text) => choices.find((choice) => choice === text),
  };
}

/**
 * A text that is not empty, undefined when not given; `shownDefault` says what happens then. The text is one of
 * `choices`, or made of `words` with commas between: the command's body checks that.
 */
export function textOption(
  declaration: Common & Pick<ValueSpec, "choices" | "words"> & { readonly shownDefault?: string },
): OptionDeclaration<string | undefined> {
  const { choices, words } = declaration;
  return {
    kind: "value",
    placeholder: declaration.placeholder ?? "text",
    description: declaration.description,
    fallback: undefined,
    ...declaration.shownDefault === undefined ? {} : { shownDefault: declaration.shownDefault },
    ...choices === undefined ? {} : { choices },
    ...words === undefined ? {} : { words },
    wanted: "a text that is not empty",
    read: (text) => text === "" ? undefined : text,
  };
}

/** On or off; off unless given. */
export function switchOption(declaration: Common): OptionDeclaration<boolean> {
  return {
    kind: "switch",
    placeholder: "",
    description: declaration.description,
    fallback: false,
    wanted: "true or false",
    read: (text) => text === "true" || text === "1" ? true : text === "false" || text === "0" ? false : undefined,
  };
}

/** The table with every option under the heading `group` of the help. */
export function grouped<D extends Declarations>(group: string, declarations: D): D {
  const entries = Object.entries(declarations).map(([key, declaration]) => [key, { ...declaration, group }]);
  return Object.fromEntries(entries) as D;
}

/** `learning-rate`, `learning_rate` and `learningRate` → `learningRate`. */
export function camelCase(name: string): string {
  return name.replaceAll(/[-_]+([a-zA-Z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

/** `learningRate` → `EPSILON_LEARNING_RATE`. */
export function environmentName(key: string): string {
  return `EPSILON_${kebabCase(key).replaceAll("-", "_").toUpperCase()}`;
}

/** Names of values that stand for something on the disk. */
const PATHS: Readonly<Record<string, PathKind>> = {
  file: "file",
  dir: "folder",
  run: "folder",
  runs: "folder",
  path: "path",
  model: "path",
};

/** What a value called `name` can be on the disk, where it is a path. */
export function pathOf(name: string): Pick<ValueSpec, "path"> {
  return Object.hasOwn(PATHS, name) ? { path: PATHS[name] } : {};
}

/** What the parser, the help and the completions need of a table of declarations. */
export function optionSpecs(declarations: Declarations): OptionSpec[] {
  return Object.entries(declarations).map(([key, declaration]) => {
    const { kind, placeholder, description, shownDefault, group, choices, words } = declaration;
    return {
      flags: kind === "switch" ? `--${kebabCase(key)}` : `--${kebabCase(key)} <${placeholder}>`,
      description,
      kind,
      ...pathOf(placeholder),
      ...choices === undefined ? {} : { choices },
      ...words === undefined ? {} : { words },
      ...shownDefault === undefined ? {} : { shownDefault },
      ...group === undefined ? {} : { group },
    };
  });
}
