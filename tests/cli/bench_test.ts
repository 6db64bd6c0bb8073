import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseCsv } from "../../src/libraries/csv.ts";
import { runProgram, withFolder } from "./run_program.ts";

const GOLDEN = fileURLToPath(new URL("../../fixtures/goldens/epsilon-soft-odd.json", import.meta.url));

/** The least work that still gives every figure. */
const QUICK = ["bench", "--quick", "--runs", "2", "--threads", "2"];

const COLUMNS = "device,threads,model,halting,shape,dropout,mean_steps,figure,unit,median,best,runs";

async function rowsOf(csv: string): Promise<Record<string, string>[]> {
  const [header, ...records] = await Array.fromAsync(parseCsv(csv, { name: "bench" }));
  return records.map(({ values }) => Object.fromEntries(header.values.map((column, i) => [column, values[i]])));
}

const ALL_STEPS = 8;

Deno.test("bench times kernels, training and inference, one well-formed CSV row a figure", async () => {
  const { code, stdout, stderr } = await runProgram(QUICK);
  assert.equal(code, 0, stderr);
  assert.equal(stdout.split("\n")[0], COLUMNS);
  const rows = await rowsOf(stdout);
  for (const row of rows) {
    const shown = JSON.stringify(row);
    for (const column of ["median", "best"]) {
      assert.ok(Number.isFinite(Number(row[column])) && Number(row[column]) > 0, shown);
    }
    assert.match(row.shape, /^\d+x\d+ d12 H2 B16 F72 L8$/, shown);
    assert.match(row.device, /^cpu: ./, shown);
    assert.deepEqual([row.model, row.runs], ["epsilon", "2"], shown);
    assert.ok(row.unit !== "" && ["exit", "soft", "repeat-k"].includes(row.halting), shown);
    if (!row.figure.startsWith("optimizer")) {
      assert.ok(Number(row.mean_steps) >= 1 && Number(row.mean_steps) <= ALL_STEPS, shown);
    }
  }
  const figures = [
    ["forward", "soft", "1"],
    ["forward_backward", "soft", "1"],
    ["training_step", "exit", "2"],
    ["training_step", "soft", "2"],
    ["training_step_speedup", "exit", "2"],
    ["training_step_speedup", "soft", "2"],
    ["optimizer_step", "exit", "1"],
    ["training_step_by_depth", "exit", "2"],
    ["training_step_fixed_depth", "repeat-k", "2"],
    ["halting_overhead", "exit", "2"],
    ["forward_by_length", "soft", "1"],
    ["forward_by_length_ratio", "soft", "1"],
    ["forward_backward_by_length_ratio", "soft", "1"],
    ["inference", "exit", "2"],
  ];
  for (const [figure, halting, threads] of figures) {
    assert.ok(
      rows.some((row) => row.figure === figure && row.halting === halting && row.threads === threads),
      `${figure}, ${halting}, ${threads} threads`,
    );
  }
});

Deno.test("bench computes the work that its rows name: all steps in soft mode, each depth in its turn in exit mode", async () => {
  const rows = await rowsOf((await runProgram(QUICK)).stdout);
  const stepsOf = (figure: string, halting: string) =>
    rows.filter((row) => row.figure === figure && row.halting === halting).map((row) => Number(row.mean_steps));
  assert.ok(stepsOf("forward", "soft").every((steps) => steps === ALL_STEPS));
  assert.ok(stepsOf("training_step", "exit").every((steps) => Math.abs(steps - 2.8) < 0.1));
  const [least, middle, most] = stepsOf("training_step_by_depth", "exit");
  assert.deepEqual([least, most], [1, ALL_STEPS]);
  assert.ok(Math.abs(middle - 3) < 0.1, String(middle));
  assert.deepEqual(stepsOf("training_step_fixed_depth", "repeat-k"), [3]);
  assert.ok(stepsOf("halting_overhead", "exit").every((steps) => Math.abs(steps - 3) < 0.1));
});

Deno.test("bench --json prints one document, and --out receives what standard output does", async () => {
  await withFolder(async (folder) => {
    const out = `${folder}/bench.json`;
    const { code, stdout, stderr } = await runProgram([...QUICK, "--compare-threads", "--json", "--out", out]);
    assert.equal(code, 0, stderr);
    assert.equal(await Deno.readTextFile(out), stdout);
    const { figures } = JSON.parse(stdout);
    const wanted = ["exit", "soft"].flatMap((halting) => [
      [halting, 1, "training_step"],
      [halting, 2, "training_step"],
      [halting, 2, "training_step_speedup"],
    ]);
    assert.deepEqual(
      figures.map((row: Record<string, unknown>) => [row.halting, row.threads, row.figure]),
      wanted,
    );
  });
});

Deno.test("bench --compare-models times both models at each length and a training step, and nothing else", async () => {
  const { code, stdout, stderr } = await runProgram([...QUICK, "--compare-models"]);
  assert.equal(code, 0, stderr);
  const rows = await rowsOf(stdout);
  const places = rows.filter(({ unit }) => unit === "ns/token").map((
    row,
  ) => [row.figure, row.model, row.halting, row.shape]);
  const shapes = (bins: string) => [32, 128].map((length) => `${128 / length}x${length} d12 H2${bins} F72 L8`);
  const wanted = ["forward_by_model", "forward_backward_by_model"].flatMap((figure) =>
    [0, 1].flatMap((place) => [
      [figure, "vanilla", "", shapes("")[place]],
      [figure, "epsilon", "exit", shapes(" B16")[place]],
      [figure, "epsilon", "soft", shapes(" B16")[place]],
    ])
  );
  assert.deepEqual(places, wanted);
  const steps = rows.filter(({ figure }) => figure === "training_step_by_model");
  assert.deepEqual(steps.map(({ model, mean_steps }) => [model, Math.round(Number(mean_steps))]), [
    ["vanilla", 8],
    ["epsilon", 3],
    ["epsilon", 8],
  ]);
  assert.deepEqual([...new Set(rows.map(({ figure }) => figure))].length, 5);
});

Deno.test("bench verifies first: with wrong numbers nothing is timed, exit code 5", async () => {
  await withFolder(async (folder) => {
    const golden = JSON.parse(await Deno.readTextFile(GOLDEN));
    golden.expected.logits.data[0] += 0.5;
    await Deno.writeTextFile(`${folder}/wrong.json`, JSON.stringify(golden));
    const { code, stdout, stderr } = await runProgram([...QUICK, "--goldens", folder]);
    assert.equal(code, 5);
    assert.equal(stdout, "");
    assert.match(stderr, /^error: Verification failed: 1 of \d+ values; the worst is logits of /m);
  });
});

Deno.test("bench refuses bad flags and files in one line each", async () => {
  await withFolder(async (folder) => {
    const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
      [["--runs", "0"], 2, /^error: .*--runs: "0"\. Give a whole number from 1 to/m],
      [["--quikc"], 2, /Did you mean --quick\?/],
      [["--device", "tpu"], 2, /--device: "tpu"/],
      [["superfluous"], 2, /too many arguments/],
      [["--goldens", `${folder}/missing`], 3, /missing: no such file/],
      [["--out", `${folder}/missing/bench.csv`], 3, /^error: Cannot write .*bench\.csv/m],
      [["--out", folder], 3, /it is a folder/],
    ];
    for (const [flags, wanted, pattern] of cases) {
      const { code, stderr } = await runProgram([...QUICK, "--compare-threads", ...flags]);
      assert.equal(code, wanted, `${flags.join(" ")}: ${stderr}`);
      assert.match(stderr, pattern);
      assert.ok(stderr.split("\n").filter((line) => line.startsWith("error:")).length === 1, stderr);
    }
  });
});
