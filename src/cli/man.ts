import { type CommandContext, defineCommand } from "./command.ts";

export type ManContext = CommandContext<Record<never, never>>;

/** `epsilon man`: the manual page. */
export const manCommand = defineCommand({
  name: "man",
  summary: "print the manual page",
  description: [
    "Prints the manual page of all commands and options, in the form that man reads: made from what the program declares,",
    "so that it is never behind.",
  ].join(" "),
  options: {},
  examples: [
    "epsilon man > ~/.local/share/man/man1/epsilon.1     # then: man epsilon",
    "epsilon man | man --local-file -",
  ],
  run: async (context) => (await import("./man_run.ts")).printManual(context),
});
