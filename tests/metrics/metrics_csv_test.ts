import assert from "node:assert/strict";
import fc from "fast-check";
import { DataError } from "../../src/errors.ts";
import {
  formatMetricRow,
  METRICS_HEADER,
  readMetrics,
  type ReadMetricsOptions,
} from "../../src/metrics/metrics_csv.ts";
import { METRIC_NAMES, type MetricRow, SPLITS } from "../../src/metrics/schema.ts";
import { inFolder } from "./made_run.ts";

const anyRow: fc.Arbitrary<MetricRow> = fc.record({
  run: fc.string({ minLength: 1, unit: fc.constantFrom("a", "Z", "0", "-", ".", ",", '"', " ", "é", "_") }),
  step: fc.nat(),
  epoch: fc.option(fc.nat()),
  split: fc.constantFrom(...SPLITS),
  metric: fc.constantFrom(...METRIC_NAMES),
  value: fc.option(fc.double({ noDefaultInfinity: true, noNaN: true })),
}, { noNullPrototype: true });

async function readAll(text: string | Uint8Array, options?: ReadMetricsOptions): Promise<MetricRow[]> {
  const path = await Deno.makeTempFile();
  try {
    await Deno.writeFile(path, typeof text === "string" ? new TextEncoder().encode(text) : text);
    return await Array.fromAsync(readMetrics(path, options));
  } finally {
    await Deno.remove(path);
  }
}

Deno.test("metrics rows come back as they were written, every double to the bit", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(anyRow, { maxLength: 20 }), async (rows) => {
      const read = await readAll(METRICS_HEADER + rows.map(formatMetricRow).join(""));
      assert.equal(read.length, rows.length);
      read.forEach((row, i) => {
        assert.ok(Object.is(row.value, rows[i].value), `${row.value} for ${rows[i].value}`);
        assert.deepEqual(row, rows[i]);
      });
    }),
    { numRuns: 50 },
  );
});

Deno.test("values that are not finite become empty fields", () => {
  const row = { run: "r", step: 1, epoch: null, split: "train", metric: "loss" } as const;
  for (const value of [NaN, Infinity, -Infinity]) {
    assert.equal(formatMetricRow({ ...row, value }), "r,1,,train,loss,\n");
  }
});

Deno.test("a metrics file cut at any byte gives its whole rows and tells of the unfinished one", async () => {
  const rows = [1, 2, 3].map((step): MetricRow => ({
    run: "r",
    step,
    epoch: 1,
    split: "train",
    metric: "loss",
    value: 1 / step,
  }));
  const lines = rows.map(formatMetricRow);
  const text = METRICS_HEADER + lines.join("");
  for (let length = METRICS_HEADER.length; length <= text.length; length++) {
    const cut = text.slice(0, length);
    let told: string | undefined;
    const read = await readAll(cut, { onUnfinishedLine: (line) => told = line });
    const whole = cut.slice(METRICS_HEADER.length).split("\n");
    assert.deepEqual(read, rows.slice(0, whole.length - 1));
    assert.equal(told, whole.at(-1) || undefined);
  }
});

const BROKEN: readonly [what: string, body: string, place: RegExp][] = [
  ["no header", "", /line 1: header/],
  ["another header", "run,step,epoch,split,metric,amount\n", /line 1: header/],
  ["an unfinished header", "run,step,epoch", /line 1: header/],
  ["a missing field", `${METRICS_HEADER}r,1,,train,loss\n`, /line 2/],
  ["no run", `${METRICS_HEADER},1,,train,loss,1\n`, /line 2: run/],
  ["a fractional step", `${METRICS_HEADER}r,1,,train,loss,1\nr,1.5,,train,loss,1\n`, /line 3: step is "1.5"/],
  ["a negative epoch", `${METRICS_HEADER}r,1,-1,train,loss,1\n`, /line 2: epoch/],
  ["an unknown split", `${METRICS_HEADER}r,1,,dev,loss,1\n`, /line 2: split is "dev"/],
  ["a metric that is no name", `${METRICS_HEADER}r,1,,train,=loss,1\n`, /line 2: metric/],
  ["a value that is no number", `${METRICS_HEADER}r,1,,train,loss,NaN\n`, /line 2: value is "NaN"/],
  ["a value beyond all doubles", `${METRICS_HEADER}r,1,,train,loss,1e999\n`, /line 2: value/],
  ["a hexadecimal value", `${METRICS_HEADER}r,1,,train,loss,0x10\n`, /line 2: value/],
  ["an open quote", `${METRICS_HEADER}"r,1,,train,loss,1\n`, /line 2/],
  ["a gigantic line", `${METRICS_HEADER}${"r".repeat(100_000)}`, /longer than/],
];
for (const [what, body, place] of BROKEN) {
  Deno.test(`a metrics file with ${what} is refused with its line`, async () => {
    await assert.rejects(readAll(body), (error) => {
      assert.ok(error instanceof DataError, String(error));
      assert.match(error.message, place);
      return true;
    });
  });
}

Deno.test("a missing metrics file is a clear error", () =>
  inFolder(async (folder) => {
    await assert.rejects(Array.fromAsync(readMetrics(`${folder}/metrics.csv`)), (error) => {
      assert.ok(error instanceof DataError);
      assert.match(error.message, /metrics\.csv: no such file/);
      return true;
    });
  }));

Deno.test("rows of a file larger than one piece are all read", async () => {
  const rows = Array.from({ length: 5000 }, (_, step): MetricRow => ({
    run: "a-run-of-some-length",
    step,
    epoch: null,
    split: "train",
    metric: "loss",
    value: Math.sin(step),
  }));
  assert.deepEqual(await readAll(METRICS_HEADER + rows.map(formatMetricRow).join("")), rows);
});
