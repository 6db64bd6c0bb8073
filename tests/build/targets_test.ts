import assert from "node:assert/strict";
import { findTarget, isProgramOf, ownTarget, RUNTIME_VERSION, TARGETS } from "../../.ci/build/targets.ts";
import { UsageError } from "../../src/errors.ts";

Deno.test("a target is found by either of its names; a mistyped one is a usage error that lists them", () => {
  for (const target of TARGETS) {
    assert.equal(findTarget(target.name), target);
    assert.equal(findTarget(target.triple), target);
  }
  assert.throws(() => findTarget("linux"), (error) => error instanceof UsageError && /linux-arm64/.test(error.hint));
});

Deno.test("a program is known by its first bytes", async () => {
  const own = await Deno.readFile(Deno.execPath());
  for (const target of TARGETS) assert.equal(isProgramOf(target, own), target === ownTarget(), target.name);
  assert.equal(isProgramOf(ownTarget(), new Uint8Array(0)), false);
});

Deno.test("executables carry the Deno that CI tests with", async () => {
  const script = await Deno.readTextFile(new URL("../../.ci/run", import.meta.url));
  assert.ok(script.includes(`\nDENO_VERSION=${RUNTIME_VERSION}\n`));
  assert.equal(Deno.version.deno, RUNTIME_VERSION);
});
