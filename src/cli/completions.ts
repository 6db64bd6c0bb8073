import { type CommandContext, defineCommand } from "./command.ts";

/** Shells that there are completions for. */
export const SHELLS = ["bash", "zsh", "fish", "powershell"] as const;
export type Shell = typeof SHELLS[number];

export type CompletionsContext = CommandContext<Record<never, never>>;

/** `epsilon completions`: a script that teaches a shell the command line. */
export const completionsCommand = defineCommand({
  name: "completions",
  summary: "print a script that completes commands, options and values in a shell",
  description: [
    "Prints a completion script for bash, zsh, fish or PowerShell. It is static: a TAB starts no process. Load it once",
    "in the shell's start file, or put it where the shell looks for completions; print it anew after an update.",
  ].join(" "),
  positionals: [{ name: "shell", description: SHELLS.join(", "), required: true, choices: SHELLS }],
  options: {},
  examples: [
    "epsilon completions bash > ~/.local/share/bash-completion/completions/epsilon",
    "epsilon completions zsh > ~/.zfunc/_epsilon       # with fpath+=(~/.zfunc) before compinit in ~/.zshrc",
    "epsilon completions fish > ~/.config/fish/completions/epsilon.fish",
    "epsilon completions powershell >> $PROFILE",
  ],
  run: async (context) => (await import("./completions_run.ts")).printCompletions(context),
});
