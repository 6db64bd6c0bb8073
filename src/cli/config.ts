import { type Command, type CommandGroup, isGroup } from "./command.ts";
import { optionSpecs } from "./option.ts";
import { JSON_OPTION } from "./options.ts";

/** `epsilon config`: what the options of the commands `entries` come to. */
export function configCommands(entries: readonly (Command | CommandGroup)[]): CommandGroup {
  return {
    name: "config",
    summary: "show the value of every option of a command, and where it comes from",
    children: [{
      name: "show",
      summary: "show the values of a command's options, with the origin of each",
      children: entries.filter(hasOptions).map((entry) => shown(entry, [])),
    }],
  };
}

function hasOptions(entry: Command | CommandGroup): boolean {
  return isGroup(entry) || Object.keys(entry.declarations).length > 0;
}

/** The entry that takes the options of `entry` and shows them instead of doing its work. */
function shown(entry: Command | CommandGroup, above: readonly string[]): Command | CommandGroup {
  if (isGroup(entry)) {
    const path = [...above, entry.name];
    return { name: entry.name, summary: entry.summary, children: entry.children.map((child) => shown(child, path)) };
  }
  const { spec, declarations, resolve } = entry;
  const path = [...above, spec.name];
  const name = `epsilon ${path.join(" ")}`;
  return {
    spec: {
      name: spec.name,
      summary: `the options of ${name}`,
      description: [
        `Shows the value that each option of ${name} has with these flags, in this environment and with the files of`,
        "--config and of the user, and where it comes from.",
      ].join(" "),
      optionsOf: name,
      positionals: (spec.positionals ?? []).map((positional) => ({ ...positional, required: false })),
      options: [...spec.options ?? [], ..."json" in declarations ? [] : optionSpecs(JSON_OPTION)],
    },
    declarations,
    optionsOf: path,
    resolve,
    execute: async (given, terminal) => {
      const { showConfiguration } = await import("./config_run.ts");
      return await showConfiguration({ path, declarations, resolve }, given, terminal);
    },
  };
}
