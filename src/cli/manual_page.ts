import type { CommandSpec, OptionSpec, PositionalSpec } from "../libraries/arguments.ts";
import { EXIT_CODES } from "./exit_codes.ts";

const ENVIRONMENT: readonly (readonly [name: string, meaning: string])[] = [
  ["EPSILON_…", "An option's value: --learning-rate is EPSILON_LEARNING_RATE. A flag comes first."],
  ["EPSILON_CONFIG", "File of option values, as --config."],
  ["EPSILON_DEBUG", "Set to 1, failures show where they happened."],
  ["NO_COLOR", "Set to anything, nothing is coloured."],
  ["CI, TERM=dumb", "No line is redrawn: progress comes as lines of their own."],
  ["COLUMNS", "Width of help and charts where that of the terminal is not known, or not wanted."],
  ["XDG_CONFIG_HOME, XDG_CACHE_HOME, XDG_DATA_HOME", "Where the folders below lie."],
];

const FILES: readonly (readonly [name: string, meaning: string])[] = [
  ["~/.config/epsilon/config.toml", "The user's own defaults."],
  ["~/.cache/epsilon", "Tokenized reviews; can be removed at any time."],
  ["~/.local/share/epsilon", "The fetched reviews."],
];

/** The program's manual page in roff with the man macros; `date` is its day, `2026-11-28`. */
export function manualPage(program: CommandSpec, date: string): string {
  const { name, version = "", summary, children = [] } = program;
  return [
    `.TH ${name.toUpperCase()} 1 ${date} "${name} ${version}" "User Commands"`,
    ".SH NAME",
    prose(`${name} - ${summary}`).replace(" - ", " \\- "),
    ".SH SYNOPSIS",
    `${bold(name)} ${italic("COMMAND")} [${italic("OPTION")}]... [${italic("ARGUMENT")}]...`,
    ".SH DESCRIPTION",
    prose(
      "Results go to standard output, progress, warnings and errors to standard error. A value that no flag gives is " +
        "taken from the environment, from the file of --config, from the user's own file, or is the default.",
    ),
    ".SH COMMANDS",
    ...children.flatMap((child) => commandLines(child, [name])),
    ".SH ENVIRONMENT",
    ...ENVIRONMENT.flatMap(([variable, meaning]) => item(bold(variable), meaning)),
    ".SH FILES",
    ...FILES.flatMap(([path, meaning]) => item(italic(path), meaning)),
    ".SH EXIT STATUS",
    ...EXIT_CODES.flatMap(([code, meaning]) => item(bold(String(code)), meaning)),
    "",
  ].join("\n");
}

function commandLines(spec: CommandSpec, above: readonly string[]): string[] {
  const { name, summary, description = summary, positionals = [], options = [], children, notes } = spec;
  const path = [...above, name];
  const heading = `.SS ${quoted(path.slice(1).join(" "))}`;
  const called = bold(path.join(" "));
  const option = `[${italic("OPTION")}]...`;
  if (children?.some(({ optionsOf }) => optionsOf !== undefined)) {
    const names = children.map((child) => child.name).join(", ");
    const told = `${sentence(summary)} The command is one of ${names}, the options are those of that command.`;
    return [heading, `${called} ${italic("COMMAND")} ${option}`, ".PP", prose(told)];
  }
  if (children !== undefined) return children.flatMap((child) => commandLines(child, path));
  return [
    heading,
    [called, ...options.length > 0 ? [option] : [], ...positionals.map(argument)].join(" "),
    ".PP",
    prose(sentence(description)),
    ...positionals.flatMap((positional) => item(italic(positional.name), positional.description)),
    ...options.flatMap(optionLines),
    ...exampleLines(notes),
  ];
}

function argument({ name, required, variadic }: PositionalSpec): string {
  const shown = italic(name.toUpperCase()) + (variadic ? "..." : "");
  return required ? shown : `[${shown}]`;
}

function optionLines({ flags, description, shownDefault, choices, words }: OptionSpec): string[] {
  const [names, placeholder] = flags.split(/ (?=<)/);
  const value = placeholder === undefined ? "" : ` ${italic(placeholder.slice(1, -1))}`;
  const listed = (choices ?? words ?? []).filter((word) => !`${placeholder} ${description}`.includes(word));
  const told = listed.length === 0 ? description : `${description}; ${listed.join(", ")}`;
  return item(bold(names) + value, shownDefault === undefined ? told : `${told} (default: ${shownDefault})`);
}

function item(term: string, text: string): string[] {
  return [".TP", term, prose(text)];
}

function exampleLines(notes: string | undefined): string[] {
  const [heading, ...examples] = notes?.split("\n") ?? [];
  if (heading === undefined) return [];
  return [".PP", prose(heading), ".PP", ".EX", ...examples.map(literal), ".EE"];
}

/** The first letter large, and a full stop. */
function sentence(text: string): string {
  const ended = /[.:]$/.test(text) ? text : `${text}.`;
  return ended[0].toUpperCase() + ended.slice(1);
}

function bold(text: string): string {
  return `\\fB${literal(text)}\\fR`;
}

function italic(text: string): string {
  return `\\fI${literal(text)}\\fR`;
}

function quoted(text: string): string {
  return `"${literal(text)}"`;
}

/** Running text, a sentence a line: what looks like an option keeps its dashes when it is copied, and is not divided. */
function prose(text: string): string {
  const dashed = escaped(text).replaceAll(
    /(?<![\w-])--?(?=[a-z])[a-z-]*/g,
    (name) => `\\%${name.replaceAll("-", "\\-")}`,
  );
  const sentences = dashed.replaceAll(/(?<=[^.]{3}\.) (?=[A-Z])/g, "\n").split("\n");
  return sentences.flatMap(lines).map(guarded).join("\n");
}

/** `text` in lines of at most 78 characters, where its words allow it. */
function lines(text: string): string[] {
  return text.match(/\S.{0,77}(?= |$)|\S+/g) ?? [];
}

/** Text that is copied as it is: every dash is one. */
function literal(text: string): string {
  return guarded(escaped(text).replaceAll("-", "\\-"));
}

/** Backslashes, quotes and signs beyond ASCII as roff writes them. */
function escaped(text: string): string {
  return text.replaceAll("\\", "\\e").replaceAll('"', "\\(dq").replaceAll("'", "\\(aq").replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha").replaceAll("`", "\\(ga")
    .replaceAll(/[^\n -~]/gu, (sign) => `\\[u${sign.codePointAt(0)?.toString(16).toUpperCase().padStart(4, "0")}]`);
}

/** A line that begins like a request is none. */
function guarded(line: string): string {
  return /^[.']/.test(line) ? `\\&${line}` : line;
}
