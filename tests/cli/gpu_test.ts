import assert from "node:assert/strict";
import { runProgram } from "./run_program.ts";

/** Hides every driver from the program. */
const NO_ADAPTER = { VK_ICD_FILENAMES: "/nonexistent", __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent" };

Deno.test({
  name: "--device gpu without an adapter ends with exit code 4 and tells how to get one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const { code, stderr } = await runProgram(["verify", "--device", "gpu"], { env: NO_ADAPTER });
    assert.equal(code, 4, stderr);
    assert.match(stderr, /Cannot open the GPU: WebGPU finds no adapter/);
    assert.match(stderr, /mesa-vulkan-drivers/);
  },
});
