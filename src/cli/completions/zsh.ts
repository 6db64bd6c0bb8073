import type { PositionalSpec, ValueSpec } from "../../libraries/arguments.ts";
import type { CompletedCommand, CompletedOption } from "./commands.ts";

/** A script for zsh, for a folder of `fpath` or to be sourced. */
export function zshScript(commands: readonly CompletedCommand[]): string {
  return `#compdef epsilon
# zsh completion for epsilon, printed by: epsilon completions zsh

${commands.map((command) => commandFunction(command, commands)).join("\n")}
if [ "$funcstack[1]" = "_epsilon" ]; then
  _epsilon "$@"
else
  compdef _epsilon epsilon
fi
`;
}

function functionName(path: string): string {
  return ["_epsilon", ...path.split(/[ -]/).filter((word) => word !== "")].join("_");
}

function commandFunction(command: CompletedCommand, commands: readonly CompletedCommand[]): string {
  const { paths: [path], children, options, positionals } = command;
  const places = children.length > 0 ? ["'1: :->command'", "'*:: :->rest'"] : positionals.map(positionalSpec);
  const specs = [...options.map(optionSpec), ...places].map((spec) => `    ${spec}`).join(" \\\n");
  const parts = children.length === 0 ? "" : `  case $state in
    command)
      local -a commands=(
${children.map(({ name, summary }) => `        ${quoted(`${name}:${summary}`)}`).join("\n")}
      )
      _describe command commands
      ;;
    rest)
      case $line[1] in
${children.map(({ name }) => `        ${name}) ${functionAt(`${path} ${name}`.trim(), commands)} ;;`).join("\n")}
      esac
      ;;
  esac
`;
  return `${functionName(path)}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C \\
${specs}
${parts}}
`;
}

/** The function that completes the command at `path`, which may be that of another with the same options. */
function functionAt(path: string, commands: readonly CompletedCommand[]): string {
  return functionName(commands.find(({ paths }) => paths.includes(path))?.paths[0] ?? path);
}

function optionSpec({ names, description, placeholder, repeatable, ...value }: CompletedOption): string {
  const told = `[${description.replaceAll(/[\\[\]]/g, "\\$&")}]`;
  if (placeholder === undefined) {
    return names.length === 1
      ? quoted(`${names[0]}${told}`)
      : `'(${names.join(" ")})'{${names.join(",")}}${quoted(told)}`;
  }
  return quoted(`${repeatable ? "*" : ""}${names[0]}=${told}:${escapedColons(placeholder)}:${action(value)}`);
}

function positionalSpec({ name, variadic, required, ...value }: PositionalSpec, index: number): string {
  const place = variadic ? "*" : `${index + 1}`;
  return quoted(`${place}:${required ? "" : ":"}${name}:${action(value)}`);
}

function action({ choices, words, path }: ValueSpec): string {
  if (choices !== undefined) return `(${choices.join(" ")})`;
  if (words !== undefined) return `_values -s , word ${words.join(" ")}`;
  if (path !== undefined) return path === "folder" ? "_files -/" : "_files";
  return " ";
}

function escapedColons(text: string): string {
  return text.replaceAll(/[\\:]/g, "\\$&");
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
