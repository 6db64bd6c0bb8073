import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { runProgram, withFolder } from "../cli/run_program.ts";
import { OWN_GOLDENS } from "../model/golden_files.ts";

/** OpenGL is all that a process finds of a GPU; without the last variable Mesa complains of it. */
const ONLY_GL = { DENO_WEBGPU_BACKEND: "gl", VK_ICD_FILENAMES: "/nonexistent", XDG_RUNTIME_DIR: tmpdir() };

/** Files whose kernels OpenGL compiles in seconds; the rest is part of `deno task gpu-gl`. */
const FILES = ["epsilon-exit.json", "epsilon-exit-binfreq3.json", "vanilla-odd.json"];

const FORCED = Deno.env.get("CI") === "true";

async function hasOpenGl(): Promise<boolean> {
  if (Deno.build.os !== "linux") return false;
  const code = "Deno.exit(await navigator.gpu.requestAdapter() ? 0 : 1)";
  const { success } = await new Deno.Command(Deno.execPath(), { args: ["eval", code], env: ONLY_GL }).output();
  return success;
}

Deno.test({
  name: "through OpenGL the GPU's kernels reproduce golden values within 1e-4",
  ignore: !FORCED && !await hasOpenGl(),
  fn: async () => {
    await withFolder(async (folder) => {
      for (const file of FILES) await copyFile(`${OWN_GOLDENS}/${file}`, `${folder}/${file}`);
      const args = ["verify", "--device", "gpu", "--goldens", folder, "--json"];
      const { code, stdout, stderr } = await runProgram(args, { env: ONLY_GL });
      assert.equal(code, 0, stderr);
      const { values, pass } = JSON.parse(stdout);
      assert.equal(pass, true);
      assert(values.length > 40 && new Set(values.map(({ file }: { file: string }) => file)).size === FILES.length);
    });
  },
});
