import assert from "node:assert/strict";
import { summaryLine, testSummary, testTally } from "../.ci/ok.ts";

Deno.test("the test runner's summary is read, colours and steps or not", () => {
  assert.deepEqual(testSummary("a ... ok\n\nok | 12 passed | 0 failed (3s)\n"), { passed: 12, failed: 0, skipped: 0 });
  assert.deepEqual(
    testSummary("\x1b[31mFAILED\x1b[0m | 620 passed (3 steps) | 1 failed (1 step) | 4 ignored (2 steps) (3m45s)\n"),
    { passed: 620, failed: 1, skipped: 4 },
  );
  assert.equal(testSummary("error: Module not found\n"), undefined);
});

Deno.test("a test run that broke off, or that ran nothing, counts as a failure", () => {
  assert.equal(testTally("", false).failed, 1);
  assert.equal(testTally("ok | 3 passed | 0 failed (1s)", false).failed, 1);
  assert.equal(testTally("ok | 0 passed | 0 failed (1s)", true).failed, 1);
  assert.equal(testTally("FAILED | 3 passed | 2 failed (1s)", false).failed, 2);
  assert.deepEqual(testTally("ok | 3 passed | 0 failed | 1 ignored (1s)", true), { passed: 3, failed: 0, skipped: 1 });
});

Deno.test("the summary adds up all checks and names skipped tests only where there are some", () => {
  const check = { passed: 1, failed: 0, skipped: 0 };
  assert.equal(summaryLine([check, { passed: 5, failed: 2, skipped: 0 }]), "6 passed, 2 failed");
  assert.equal(summaryLine([check, { passed: 5, failed: 0, skipped: 3 }]), "6 passed, 0 failed, 3 skipped");
});
