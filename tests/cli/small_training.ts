import { join } from "node:path";
import { type Finished, programCommand, runProgram } from "./run_program.ts";

const GOOD = ["a moving film", "wonderful from start to end", "tender, funny and true", "the lead shines, what a joy"];
const BAD = ["a dull mess", "a waste of two hours", "clumsy, loud and false", "nobody shines, what a bore"];

/** Reviews whose words tell their class, as CSV. */
export function reviewsCsv(count = 60): string {
  const rows = Array.from({ length: count }, (_, r) => {
    const texts = r % 2 === 0 ? BAD : GOOD;
    return `"${texts[(r >> 1) % 4]}; ${texts[(r >> 3) % 4]} (take ${r})",${r % 2}\n`;
  });
  return `text,label\n${rows.join("")}`;
}

/** A model and a recipe that the reference engine trains in a moment: 2 epochs of 7 steps. */
export const SMALL_FLAGS: readonly string[] = [
  ["--d-model", "4"],
  ["--num-bins", "3"],
  ["--ffn-dim", "5"],
  ["--max-layers", "3"],
  ["--max-seq-length", "24"],
  ["--batch-size", "8"],
  ["--epochs", "2"],
  ["--warmup-steps", "2"],
  ["--learning-rate", "0.01"],
  ["--log-every", "1"],
  ["--device", "reference"],
].flat();

/** Where Deno keeps packages: a program with a cache folder of its own must not fetch them again. */
async function denoFolder(): Promise<string> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json"] }).output();
  return JSON.parse(new TextDecoder().decode(stdout)).denoDir;
}

/** A folder with `reviews.csv`, and the program run in it with a cache of its own. */
export class Workplace implements AsyncDisposable {
  private constructor(readonly folder: string, readonly environment: Readonly<Record<string, string>>) {}

  static async make(): Promise<Workplace> {
    const folder = await Deno.makeTempDir({ prefix: "epsilon-test-" });
    await Deno.writeTextFile(join(folder, "reviews.csv"), reviewsCsv());
    return new Workplace(folder, {
      XDG_CACHE_HOME: join(folder, "cache"),
      XDG_DATA_HOME: join(folder, "data"),
      DENO_DIR: await denoFolder(),
    });
  }

  run(...args: string[]): Promise<Finished> {
    return this.runIn({}, ...args);
  }

  /** Runs the program with more variables in its environment. */
  runIn(more: Readonly<Record<string, string>>, ...args: string[]): Promise<Finished> {
    return runProgram(args, { cwd: this.folder, env: { ...this.environment, ...more } });
  }

  /** Trains the small model on `reviews.csv` into `out`; later flags win over the small ones. */
  train(out: string, ...flags: string[]): Promise<Finished> {
    return this.run(...this.trainArguments(out, ...flags));
  }

  trainArguments(out: string, ...flags: string[]): string[] {
    const given = new Set(flags);
    const kept = SMALL_FLAGS.flatMap((flag, i) => i % 2 === 0 && !given.has(flag) ? [flag, SMALL_FLAGS[i + 1]] : []);
    return ["train", "--data", "reviews.csv", "--out", out, ...kept, ...flags];
  }

  /** Starts the program without waiting for its end. */
  spawn(args: readonly string[]): Deno.ChildProcess {
    return programCommand(args, { cwd: this.folder, env: this.environment }).spawn();
  }

  /** The bytes of a file as text. */
  read(...path: string[]): Promise<string> {
    return Deno.readTextFile(join(this.folder, ...path));
  }

  /** Names and contents of the files in a folder. */
  async snapshot(path: string): Promise<Map<string, string>> {
    const files = new Map<string, string>();
    for await (const { name, isFile } of Deno.readDir(join(this.folder, path))) {
      const bytes = isFile ? await Deno.readFile(join(this.folder, path, name)) : new Uint8Array(0);
      files.set(name, new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)).toHex());
    }
    return files;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}
