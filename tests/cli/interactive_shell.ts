import { join } from "node:path";

/** Shells that are tested at a terminal, and how each is started so that it reads only its files in the folder. */
export const SHELLS = {
  bash: { args: "--noprofile --rcfile bashrc -i", start: "bashrc", load: "source completions" },
  zsh: {
    args: "-i",
    start: ".zshrc",
    load: "fpath=($PWD/functions $fpath); autoload -Uz compinit; compinit -u -D",
  },
  fish: { args: "-i", start: "xdg/fish/config.fish", load: "" },
} as const;
export type ShellName = keyof typeof SHELLS;

/** Where each shell finds the script, as the help says. */
const SCRIPT_PLACES: Readonly<Record<ShellName, string>> = {
  bash: "completions",
  zsh: "functions/_epsilon",
  fish: "xdg/fish/completions/epsilon.fish",
};

/** `epsilon` as a function that writes down what it was given, a line a call. */
const RECORDERS: Readonly<Record<ShellName, string>> = {
  bash: `epsilon() { printf '<%s>' "$@" >> calls; echo >> calls; }`,
  zsh: `epsilon() { printf '<%s>' "$@" >> calls; echo >> calls; }`,
  fish: `function epsilon; printf '<%s>' $argv >> calls; echo >> calls; end`,
};

/** Whether a program is on the path of a system with `script`, which makes terminals. */
export function canType(shell: ShellName): boolean {
  if (Deno.build.os !== "linux") return false;
  return ["script", shell].every((program) => new Deno.Command("which", { args: [program] }).outputSync().success);
}

/** Types `keys` at an interactive shell with the completion `script`; returns the arguments of each call of `epsilon`. */
export async function typeInto(shell: ShellName, folder: string, script: string, keys: string): Promise<string[]> {
  const { args, start, load } = SHELLS[shell];
  for (const place of [SCRIPT_PLACES[shell], start]) await Deno.mkdir(join(folder, place, ".."), { recursive: true });
  await Deno.writeTextFile(join(folder, SCRIPT_PLACES[shell]), script);
  await Deno.writeTextFile(join(folder, start), `${load}\n${RECORDERS[shell]}\n`);
  const terminal = new Deno.Command("script", {
    args: ["--quiet", "--return", "--command", `${shell} ${args}`, "/dev/null"],
    cwd: folder,
    env: { HOME: folder, ZDOTDIR: folder, XDG_CONFIG_HOME: join(folder, "xdg"), TERM: "xterm", HISTFILE: "/dev/null" },
    stdin: "piped",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const writer = terminal.stdin.getWriter();
  await writer.write(new TextEncoder().encode(`${keys}exit\n`));
  await terminal.status;
  await writer.close().catch(() => {});
  return (await Deno.readTextFile(join(folder, "calls"))).trimEnd().split("\n");
}
