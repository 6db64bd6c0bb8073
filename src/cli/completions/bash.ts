import type { ValueSpec } from "../../libraries/arguments.ts";
import { type CompletedCommand, valuedNames } from "./commands.ts";

/** A script for bash 3.2 and later. */
export function bashScript(commands: readonly CompletedCommand[]): string {
  const cases = commands.map(commandCase).join("");
  return `# bash completion for epsilon, printed by: epsilon completions bash

# Options of any command that take a value.
_epsilon_valued=" ${valuedNames(commands).join(" ")} "

# Sets what there is at the command $1 for the option $2, the value of which is wanted, or for "" anything else:
# the words \`words\` of the kind \`kind\`, and the names of its commands and options.
_epsilon_at() {
  words= kind=none children= options=
  case $1 in
${cases}  esac
}

_epsilon() {
  local current=\${COMP_WORDS[COMP_CWORD]} command= option= word i words kind children options
  COMPREPLY=()
  _epsilon_at "" ""
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [ -n "$option" ]; then
      # "=" is a word of its own where bash breaks words at it
      if [ "$word" != = ]; then option=; fi
    elif [[ $_epsilon_valued == *" $word "* ]]; then
      option=$word
    elif [[ " $children " == *" $word "* ]]; then
      command=\${command:+$command }$word
      _epsilon_at "$command" ""
    fi
  done
  _epsilon_at "$command" "$option"
  if [ "$current" = = ]; then current=; fi
  if [ -n "$option" ] || [[ $current != -* ]]; then
    case $kind in
      words)
        COMPREPLY=($(compgen -W "$words $children" -- "$current"))
        ;;
      list)
        local before=
        if [[ $current == *,* ]]; then before=\${current%,*},; fi
        COMPREPLY=($(compgen -P "$before" -W "$words" -- "\${current##*,}"))
        ;;
      folder)
        compopt -o dirnames +o default +o bashdefault 2>/dev/null
        ;;
      path)
        ;; # bash's own completion of files
      *)
        if [ -z "$option" ]; then COMPREPLY=($(compgen -W "$children" -- "$current")); fi
        compopt +o default +o bashdefault 2>/dev/null
        ;;
    esac
  else
    COMPREPLY=($(compgen -W "$options" -- "$current"))
    compopt +o default +o bashdefault 2>/dev/null
  fi
}

complete -o bashdefault -o default -F _epsilon epsilon
`;
}

function commandCase({ paths, children, options, positionals }: CompletedCommand): string {
  const lines = [
    ...children.length === 0 ? [] : [`children="${children.map(({ name }) => name).join(" ")}"`],
    `options="${options.flatMap(({ names }) => names).join(" ")}"`,
    "case $2 in",
    ...valueCase('""', positionals.at(0) ?? {}),
    ...options.flatMap((option) => valueCase(option.names.join("|"), option)),
    "esac",
  ];
  return [`    ${paths.map((path) => `"${path}"`).join("|")})`, ...lines.map((line) => `      ${line}`), "      ;;", ""]
    .join("\n");
}

function valueCase(pattern: string, value: ValueSpec): string[] {
  const { choices, words, path } = value;
  if (choices !== undefined) return [`  ${pattern}) kind=words words="${choices.join(" ")}" ;;`];
  if (words !== undefined) return [`  ${pattern}) kind=list words="${words.join(" ")}" ;;`];
  if (path !== undefined) return [`  ${pattern}) kind=${path === "folder" ? "folder" : "path"} ;;`];
  return [];
}
