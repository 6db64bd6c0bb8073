import assert from "node:assert/strict";
import { runProgram } from "./run_program.ts";

Deno.test("doctor reports versions, adapters and a self-test as text, JSON and Markdown", async () => {
  const [text, json, table] = await Promise.all(
    [[], ["--json"], ["--markdown"]].map((flags) => runProgram(["doctor", "--device", "cpu", ...flags])),
  );
  for (const { code, stderr } of [text, json, table]) assert.equal(code, 0, stderr);
  const report = JSON.parse(json.stdout);
  assert.equal(report.deno, Deno.version.deno);
  assert.equal(report.self_test.failed, 0);
  assert.equal(report.simd, "relaxed");
  assert.match(report.data, /epsilon/);
  assert(report.self_test.values > 100);
  for (const { name, choices, limits } of report.adapters) {
    assert.notEqual(name, "");
    assert(choices.includes("high-performance") || choices.includes("low-power"));
    assert(limits.maxComputeWorkgroupStorageSize >= 16384);
  }
  assert.match(text.stdout, /^self-test +(\d+) of \1 values agree$/m);
  assert.match(table.stdout, /^\| what \| value \|\n\| --- \| --- \|\n\| epsilon \| /);
});

Deno.test({
  name: "doctor lists no adapter where there is none, and says how to get one",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    const env = { VK_ICD_FILENAMES: "/nonexistent", __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent" };
    const { code, stdout, stderr } = await runProgram(["doctor"], { env });
    assert.equal(code, 0, stderr);
    assert.match(stdout, /^adapters +none: install mesa-vulkan-drivers/m);
  },
});
