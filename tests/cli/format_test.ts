import assert from "node:assert/strict";
import { formatCount, formatDuration, formatTable } from "../../src/cli/format.ts";

Deno.test("durations show minutes, and hours where there are any", () => {
  const shown = [0, 59.6, 75, 3599.4, 3725, 360_000].map(formatDuration);
  assert.deepEqual(shown, ["0:00", "1:00", "1:15", "59:59", "1:02:05", "100:00:00"]);
  assert.deepEqual([NaN, Infinity, -1].map(formatDuration), ["-:--", "-:--", "-:--"]);
});

Deno.test("counts keep three figures and take a decimal prefix, also where rounding carries", () => {
  const shown = [0, 7, 999.4, 999.6, 1234567, 9_996, 99_960, 999_600].map(formatCount);
  assert.deepEqual(shown, ["0", "7", "999", "1.00k", "1.23M", "10.0k", "100k", "1.00M"]);
  assert.deepEqual([NaN, Infinity].map(formatCount), ["-", "-"]);
});

Deno.test("a table lines its values up", () => {
  assert.equal(formatTable([["a", "1"], ["long", "2"]]), "a     1\nlong  2\n");
});
