import assert from "node:assert/strict";
import { runProgram, withFolder } from "./run_program.ts";
import { writeSmallCheckpoint } from "./small_model.ts";

/** Hides every driver from the program. */
const NO_ADAPTER = { VK_ICD_FILENAMES: "/nonexistent", __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent" };

for (const command of ["verify", "classify", "train", "provoke", "evaluate", "reproduce"]) {
  Deno.test({
    name: `${command} --device gpu without an adapter ends with exit code 4, tells how to get one and leaves no file`,
    ignore: Deno.build.os !== "linux",
    fn: async () => {
      await withFolder(async (folder) => {
        const checkpoint = `${folder}/small.safetensors`;
        await writeSmallCheckpoint(checkpoint);
        const flags: Record<string, string[]> = {
          classify: ["--checkpoint", checkpoint, "A film."],
          // Reviews that are not there: the device is missed first, before minutes may go into the data.
          train: ["--data", `${folder}/missing.csv`, "--out", `${folder}/run`],
          provoke: ["--data", `${folder}/missing.csv`, "--out", `${folder}/run`],
          reproduce: ["--data", `${folder}/missing.csv`, "--out", `${folder}/run`],
          evaluate: [checkpoint, "--data", `${folder}/missing.csv`],
        };
        const args = [command, "--device", "gpu", ...flags[command] ?? []];
        const { code, stdout, stderr } = await runProgram(args, { env: NO_ADAPTER });
        assert.equal(code, 4, stderr);
        assert.equal(stdout, "");
        const errors = stderr.split("\n").filter((line) => line.startsWith("error:"));
        assert.equal(errors.length, 1, stderr);
        assert.match(errors[0], /Cannot open the GPU: WebGPU finds no adapter.*mesa-vulkan-drivers/);
        await assert.rejects(Deno.stat(`${folder}/run`), Deno.errors.NotFound);
      });
    },
  });
}
