import { UsageError } from "../errors.ts";
import { printable } from "../files/printable.ts";
import { suggestName } from "../nearest.ts";
import { type CompletionsContext, type Shell, SHELLS } from "./completions.ts";
import { bashScript } from "./completions/bash.ts";
import { fishScript } from "./completions/fish.ts";
import { type CompletedCommand, completedCommands } from "./completions/commands.ts";
import { powershellScript } from "./completions/powershell.ts";
import { zshScript } from "./completions/zsh.ts";
import { PROGRAM } from "./program_spec.ts";

const SCRIPTS: Readonly<Record<Shell, (commands: readonly CompletedCommand[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
};

/** The body of `epsilon completions`. */
export async function printCompletions({ positionals, terminal }: CompletionsContext): Promise<number> {
  const [name] = positionals;
  const shell = SHELLS.find((known) => known === name);
  if (shell === undefined) {
    throw new UsageError(
      `Cannot complete in ${printable(name)}: there is no such shell here`,
      suggestName(name, SHELLS, `Give one of ${SHELLS.join(", ")}.`),
    );
  }
  await terminal.write(SCRIPTS[shell](completedCommands(PROGRAM)));
  return 0;
}
