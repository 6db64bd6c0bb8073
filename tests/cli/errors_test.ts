import assert from "node:assert/strict";
import { describeFailure } from "../../src/cli/errors.ts";
import { DataError, DeviceError, RunError, UsageError, VerificationError } from "../../src/errors.ts";

Deno.test("errors of the house become message and hint in one line, with their exit codes", () => {
  for (
    const [kind, code] of [[RunError, 1], [UsageError, 2], [DataError, 3], [DeviceError, 4], [
      VerificationError,
      5,
    ]] as const
  ) {
    assert.deepEqual(describeFailure(new kind("Cannot do it: why", "Do that.")), {
      line: "Cannot do it: why. Do that.",
      exitCode: code,
    });
  }
});

Deno.test("a system error that slipped through is a file error", async () => {
  const error = await Deno.readFile("/does/not/exist").catch((caught: unknown) => caught);
  const { line, exitCode } = describeFailure(error);
  assert.equal(exitCode, 3);
  assert.match(line, /no such file or folder\. Check the path\.$/);
});

Deno.test("anything else is a fault of the program, in one line", () => {
  for (const thrown of [new TypeError("x is not a function\nmore"), "text", undefined, { a: 1 }]) {
    const { line, exitCode } = describeFailure(thrown);
    assert.equal(exitCode, 1);
    assert.doesNotMatch(line, /\n/);
    assert.match(line, /EPSILON_DEBUG=1/);
  }
});

Deno.test("missing memory is told as such", () => {
  const error = (() => {
    try {
      return new Float64Array(2 ** 52);
    } catch (caught) {
      return caught;
    }
  })();
  const { line, exitCode } = describeFailure(error);
  assert.equal(exitCode, 1);
  assert.match(line, /^Cannot get memory/);
});
