import assert from "node:assert/strict";
import { join } from "node:path";
import { readRunJson } from "../../src/metrics/run_json.ts";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import type { Ended } from "./in_process.ts";
import type { Scene } from "./scenes.ts";
import { RUN } from "./tiny_run.ts";

/** A failure has code 3 and is told in one line with its remedy; returns whether there was one. */
export function assertToldInOneLine({ code, stdout, stderr }: Ended): boolean {
  assert.doesNotMatch(stdout + stderr, /^\s+at /m, "a stack trace");
  const errors = stderr.split("\n").filter((line) => /^error:|uncaught/i.test(line));
  if (code === 0) {
    assert.equal(errors.length, 0, stderr);
    return false;
  }
  assert.equal(code, 3, stderr);
  assert.equal(errors.length, 1, stderr);
  assert.match(errors[0], /^error: Cannot [^\n]+: [^\n]+\. [A-Z][^\n]+\.$/);
  return true;
}

/** The earlier or the new file is there, whole; what grows ends with a row, and its checkpoints can be read. */
export async function assertWhole(
  scene: Scene,
  folder: string,
  before: ReadonlyMap<string, string>,
  outputs: ReadonlyMap<string, string>,
): Promise<void> {
  const found = await texts(folder, scene.outputs);
  if (!scene.grows) {
    for (const name of scene.outputs) {
      const text = found.get(name);
      assert.ok(
        text === before.get(name) || text === outputs.get(name),
        `${name} is neither the earlier nor the new file`,
      );
    }
    return;
  }
  const run = join(folder, RUN);
  if (await Deno.stat(join(run, "run.json")).then(() => true, () => false)) await readRunJson(run);
  for (const [name, text] of found) {
    if (name.endsWith(".safetensors")) await loadCheckpoint(join(folder, name));
    else assert.ok(text.endsWith("\n"), `${name} ends within a row`);
  }
}

/** The bytes of those of the files that are there, each byte as a character. */
export async function texts(folder: string, names: readonly string[]): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (const name of names) {
    const bytes = await Deno.readFile(join(folder, name)).catch(() => undefined);
    if (bytes !== undefined) found.set(name, new TextDecoder("latin1").decode(bytes));
  }
  return found;
}

/** Names of temporary files and locks below `folder`. */
export async function leftBehind(folder: string): Promise<string[]> {
  const names: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    if (isDirectory) names.push(...await leftBehind(join(folder, name)));
    else if (name.endsWith(".tmp") || name === "run.lock") names.push(name);
  }
  return names;
}
