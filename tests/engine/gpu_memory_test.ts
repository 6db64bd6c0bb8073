import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TEST_GPU } from "./gpu_adapter.ts";

Deno.test({
  name: "2,000 training steps make no buffer and no bind group, and the process does not grow",
  ignore: !TEST_GPU,
  fn: async () => {
    // In a process of its own: tests that run beside this one would be measured with it.
    const script = fileURLToPath(new URL("./gpu_lifetime.ts", import.meta.url));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args: ["run", "-A", script] }).output();
    const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
    assert.equal(code, 0, text(stderr));
    assert.equal(text(stdout), "2000 steps\n");
  },
});
