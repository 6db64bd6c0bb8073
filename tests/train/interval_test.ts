import assert from "node:assert/strict";
import { wilsonInterval } from "../../src/train/interval.ts";

/** Both ends p of Wilson's interval solve (share − p)² = z² p (1 − p) / n. */
Deno.test("both ends of an interval are as far from the share as the normal quantile says", () => {
  for (const [share, n] of [[0.5, 10], [0, 10], [1, 3], [0.8948, 2500], [0.001, 1e6]]) {
    const { lower, upper } = wilsonInterval(share, n);
    assert.ok(0 <= lower + 1e-15 && lower <= share + 1e-15 && share <= upper + 1e-15 && upper <= 1 + 1e-15);
    for (const p of [lower, upper]) {
      assert.ok(
        Math.abs((share - p) ** 2 - 1.959963984540054 ** 2 * p * (1 - p) / n) < 1e-14,
        `${share} of ${n}: ${p}`,
      );
    }
  }
});

Deno.test("five of ten is 23.7 to 76.3 %, and nothing seen is no interval", () => {
  const { lower, upper } = wilsonInterval(0.5, 10);
  assert.deepEqual([lower.toFixed(4), upper.toFixed(4)], ["0.2366", "0.7634"]);
  assert.ok(Number.isNaN(wilsonInterval(NaN, 0).lower));
});
