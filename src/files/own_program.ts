import { fileURLToPath } from "node:url";

/** A command line without a shell: what to start and the arguments that come before the program's own. */
export interface ProgramCommand {
  readonly command: string;
  readonly args: readonly string[];
}

/**
 * What the built program may do: read and write files that its user names, read `EPSILON_…` and the folders' variables,
 * name the processor, and fetch reviews from any address. It may start no program but itself (the launcher adds that),
 * load no native library and import no code.
 */
export const PERMISSIONS: readonly string[] = [
  "--allow-read",
  "--allow-write",
  "--allow-env",
  "--allow-sys=cpus",
  "--allow-net",
];

/**
 * Arguments of Deno before the unpacked program's main module: nothing but the unpacked files is looked at, no matter
 * what lies in the folders around them; nothing is fetched, asked or kept between starts.
 */
export const RUNTIME_ARGUMENTS: readonly string[] = [
  "run",
  "--quiet",
  "--no-prompt",
  "--no-config",
  "--no-lock",
  "--no-npm",
  "--no-remote",
  "--no-check",
  "--no-code-cache",
  "--unstable-lazy-dynamic-imports",
  ...PERMISSIONS,
];

/**
 * How to start this program in a process of its own, whichever way it runs: from a checkout (`deno run -A main.ts`),
 * from the self-unpacked folder (its runtime and bundle), or compiled into one file. A child cannot start
 * children of its own from the self-unpacked folder. Add the program's arguments:
 * `new Deno.Command(command, { args: [...args, "train", …] })`.
 */
export function ownProgram(): ProgramCommand {
  const command = Deno.execPath();
  if (Deno.build.standalone) return { command, args: [] };
  const here = import.meta.url;
  if (!here.endsWith("/src/files/own_program.ts")) {
    return { command, args: [...RUNTIME_ARGUMENTS, fileURLToPath(new URL("main.js", here))] };
  }
  const [config, main] = ["deno.json", "main.ts"].map((name) => fileURLToPath(new URL(`../../${name}`, here)));
  return { command, args: ["run", "-A", "--config", config, main] };
}
