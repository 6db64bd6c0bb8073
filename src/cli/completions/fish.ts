import type { ValueSpec } from "../../libraries/arguments.ts";
import { type CompletedCommand, type CompletedOption, valuedNames } from "./commands.ts";

/** A script for fish 3 and later. */
export function fishScript(commands: readonly CompletedCommand[]): string {
  const groups = commands.filter(({ children }) => children.length > 0);
  return `# fish completion for epsilon, printed by: epsilon completions fish

# Whether the command before the cursor is one of the arguments.
function __epsilon_at
    set -l at ""
    set -l value 0
    for word in (commandline -opc)[2..-1]
        if test $value = 1
            set value 0
        else if contains -- $word ${valuedNames(commands).join(" ")}
            set value 1
        else
            switch "$at/$word"
                case ${groups.flatMap(paths).map(quoted).join(" ")}
                    set at (string trim -- "$at $word")
            end
        end
    end
    contains -- "$at" $argv
end

complete -c epsilon -f
${commands.map(commandLines).join("")}`;
}

/** `data/fetch`: a group's words, and one of its commands. */
function paths({ paths, children }: CompletedCommand): string[] {
  return paths.flatMap((path) => children.map(({ name }) => `${path}/${name}`));
}

function commandLines({ paths, children, options, positionals }: CompletedCommand): string {
  const start = `complete -c epsilon -n ${quoted(`__epsilon_at ${paths.map((path) => `"${path}"`).join(" ")}`)}`;
  const lines = [
    ...children.map(({ name, summary }) => `-a ${name} -d ${quoted(summary)}`),
    ...options.map(optionWords),
    ...positionals.flatMap((positional) => offered(positional)),
  ];
  return lines.map((line) => `${start} ${line}\n`).join("");
}

function optionWords({ names, description, placeholder, ...value }: CompletedOption): string {
  const called = names.map((name) => name.startsWith("--") ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`);
  const takes = placeholder === undefined ? [] : offered(value).at(0) ?? "-x";
  return [...called, takes, `-d ${quoted(description)}`].flat().join(" ");
}

function offered({ choices, words, path }: ValueSpec): string[] {
  if (choices !== undefined) return [`-x -a ${quoted(choices.join(" "))}`];
  if (words !== undefined) return [`-x -a ${quoted(`(__fish_append , ${words.join(" ")})`)}`];
  if (path !== undefined) return [path === "folder" ? "-x -a '(__fish_complete_directories)'" : "-r -F"];
  return [];
}

function quoted(text: string): string {
  return `'${text.replaceAll(/[\\']/g, "\\$&")}'`;
}
