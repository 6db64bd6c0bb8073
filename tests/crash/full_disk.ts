/**
 * Commands on a disk that is really full: a small file system in memory, mounted for the purpose, of every size from
 * nothing to what is needed. Linux, as root: `deno task full-disk`, or one command of it with `--command export`.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Ended, runHere } from "./in_process.ts";
import { type Scene, SCENES } from "./scenes.ts";
import { fillWorkplace, RUN, tinyTraining } from "./tiny_run.ts";
import { assertToldInOneLine, assertWhole, leftBehind, texts } from "./whole_files.ts";

/** A file system gives space by pages of 4 KiB. */
const STEP = 4096;
/** More than any command needs. */
const PLENTY = 16 * 1024 * 1024;

async function mount(...args: readonly string[]): Promise<void> {
  const { success, stderr } = await new Deno.Command("mount", { args: [...args] }).output();
  if (!success) throw new Error(`cannot mount: ${new TextDecoder().decode(stderr).trim()}; this needs Linux and root`);
}

class FullDisk {
  cases = 0;
  refused = 0;

  constructor(readonly home: string, readonly disk: string) {}

  async run(args: readonly string[]): Promise<Ended> {
    Deno.env.set("XDG_CACHE_HOME", join(this.disk, "cache"));
    Deno.env.set("XDG_CONFIG_HOME", join(this.disk, "config"));
    return await runHere(args);
  }

  /** Empties the disk and puts there what `scene` finds. */
  async prepare(scene: Scene): Promise<void> {
    await this.#free(PLENTY);
    for await (const { name } of Deno.readDir(this.disk)) await Deno.remove(join(this.disk, name), { recursive: true });
    await fillWorkplace(this.disk);
    await scene.prepare?.(this.disk, join(this.home, "finished"), join(this.home, "finished"));
  }

  /** Tries `scene` with ever more space, until it has enough. */
  async prove(scene: Scene): Promise<void> {
    await this.prepare(scene);
    const whole = await this.run(scene.args(this.disk, ""));
    assert.equal(whole.code, 0, whole.stderr);
    const wanted = await texts(this.disk, scene.outputs);
    for (let space = 0;; space += STEP) {
      await this.prepare(scene);
      const before = await texts(this.disk, scene.outputs);
      await this.#free(await used(this.disk) + space);
      const ended = await this.run(scene.args(this.disk, ""));
      this.cases++;
      const failed = assertToldInOneLine(ended);
      if (failed) {
        assert.match(ended.stderr, /no space left on the device/);
        this.refused++;
      }
      await assertWhole(scene, this.disk, before, wanted);
      assert.deepEqual(await leftBehind(this.disk), []);
      await this.#free(PLENTY);
      const begun = await Deno.stat(join(this.disk, RUN, "run.json")).then(() => true, () => false);
      const mended = await this.run(scene.mend?.(this.disk, begun) ?? scene.args(this.disk, ""));
      assert.equal(mended.code, 0, `afterwards: ${mended.stderr}`);
      assert.deepEqual(await texts(this.disk, scene.outputs), wanted);
      // The cache may do without space that the command has: only silence tells that there was enough.
      if (!failed && !/^warning: Prepared data/m.test(ended.stderr)) return;
    }
  }

  /** Gives the disk `bytes` in all. */
  async #free(bytes: number): Promise<void> {
    await mount("-o", `remount,size=${bytes}`, this.disk);
  }
}

/** Bytes that the files on a disk take. */
async function used(disk: string): Promise<number> {
  const { stdout } = await new Deno.Command("df", { args: ["-B1", "--output=used", disk] }).output();
  return Number(new TextDecoder().decode(stdout).trim().split("\n")[1]);
}

if (import.meta.main) {
  const { values: { command } } = parseArgs({ options: { command: { type: "string" } } });
  const home = await Deno.makeTempDir({ prefix: "epsilon-full-disk-" });
  const disk = join(home, "disk"), finished = join(home, "finished");
  await Deno.mkdir(disk);
  await Deno.mkdir(finished);
  await mount("-t", "tmpfs", "-o", `size=${PLENTY}`, "tmpfs", disk);
  try {
    const proof = new FullDisk(home, disk);
    await fillWorkplace(finished);
    assert.equal((await proof.run(tinyTraining(finished, "cpu"))).code, 0);
    for (const scene of SCENES.filter(({ name }) => name !== "train --resume" && name !== "data fetch")) {
      if (command !== undefined && command !== scene.name) continue;
      const before = { cases: proof.cases, refused: proof.refused };
      await proof.prove(scene);
      console.log(`${scene.name}: ${proof.cases - before.cases} sizes, ${proof.refused - before.refused} too small`);
    }
    console.log(`${proof.cases} cases on a full disk, ${proof.refused} refused, none lost or halved a file`);
  } finally {
    await new Deno.Command("umount", { args: [disk] }).output();
    await Deno.remove(home, { recursive: true });
  }
}
