import type { ValueSpec } from "../../libraries/arguments.ts";
import { type CompletedCommand, type CompletedOption, valuedNames } from "./commands.ts";

/** A script for PowerShell 5 and later. Where it offers nothing, PowerShell completes files. */
export function powershellScript(commands: readonly CompletedCommand[]): string {
  return `# PowerShell completion for epsilon, printed by: epsilon completions powershell

Register-ArgumentCompleter -Native -CommandName epsilon -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # By command: the words, the values of options, and what stands for other words under ''.
    $commands = @{
${commands.flatMap(entries).join("\n")}
    }
    $valued = @(${valuedNames(commands).map(quoted).join(", ")})

    $at = ''
    $option = ''
    foreach ($element in $commandAst.CommandElements | Select-Object -Skip 1) {
        if ($element.Extent.EndOffset -ge $cursorPosition -and $wordToComplete -ne '') { break }
        $word = $element.Extent.Text
        if ($option -ne '') { $option = '' }
        elseif ($valued -contains $word) { $option = $word }
        else {
            $below = "$at $word".Trim()
            if ($commands.ContainsKey($below)) { $at = $below }
        }
    }
    $command = $commands[$at]
    if ($option -ne '') { $offered = $command.Values[$option] }
    elseif ($wordToComplete.StartsWith('-')) { $offered = $command.Options }
    else { $offered = $command.Values[''] }
    $offered | Where-Object { $_ -and $_[0].StartsWith($wordToComplete) } | ForEach-Object {
        [System.Management.Automation.CompletionResult]::new($_[0], $_[0], 'ParameterValue', $_[1])
    }
}
`;
}

function entries({ paths, children, options, positionals }: CompletedCommand): string[] {
  const plain = [...children.map(({ name, summary }) => [name, summary] as const), ...wordsOf(positionals.at(0) ?? {})];
  const values = [
    entry("''", plain),
    ...options.flatMap((option) => option.names.map((name) => entry(quoted(name), wordsOf(option)))),
  ].filter((line) => line !== "");
  const flags = options.flatMap(({ names, description }: CompletedOption) =>
    names.map((name) => [name, description] as const)
  );
  return paths.map((path) =>
    [
      `        ${quoted(path)} = @{`,
      `            Options = ${list(flags)}`,
      "            Values = @{",
      ...values.map((line) => `                ${line}`),
      "            }",
      "        }",
    ].join("\n")
  );
}

type Offered = readonly [word: string, description: string];

function entry(key: string, words: readonly Offered[]): string {
  return words.length === 0 ? "" : `${key} = ${list(words)}`;
}

/** A list of pairs; the commas before them keep PowerShell from unrolling a list of one. */
function list(words: readonly Offered[]): string {
  return `@(${words.map(([word, description]) => `,@(${quoted(word)}, ${quoted(description)})`).join("; ")})`;
}

function wordsOf({ choices = [], words = [] }: ValueSpec): Offered[] {
  return [...choices, ...words].map((word) => [word, word]);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
