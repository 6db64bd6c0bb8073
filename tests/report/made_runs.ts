import { join } from "node:path";
import { formatCsvRow } from "../../src/libraries/csv.ts";
import { formatMetricRow, METRICS_HEADER } from "../../src/metrics/metrics_csv.ts";
import { writeRunJson } from "../../src/metrics/run_json.ts";
import type { MetricRow } from "../../src/metrics/schema.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { tensorTable } from "../../src/model/tensors.ts";
import { PAPER_RECIPE } from "../../src/train/config.ts";

/** What a made-up run is like. */
export interface MadeRun {
  readonly name: string;
  readonly seed?: number;
  readonly epochs?: number;
  /** Step rows are written this often; 0 writes none. */
  readonly logEvery?: number;
  readonly halting?: "exit" | "soft";
  /** Instruments whose tables are written. */
  readonly instruments?: readonly Instrument[];
  /** Shifts every value a little, so that runs differ. */
  readonly shift?: number;
  /** Whether the values of every third epoch are missing. */
  readonly gaps?: boolean;
}

export type Instrument = keyof typeof INSTRUMENTS;

const STEPS_AN_EPOCH = 704;
const KEYS = ["run", "step", "epoch", "split"];
const CLASSES = ["all", "cls", "sep", "word", "subword", "number", "punctuation"];

/** Columns after the keys, and the rows of one measurement. */
const INSTRUMENTS = {
  halting: {
    columns: ["token_class", "steps", "tokens"],
    rows: (shift: number) =>
      CLASSES.flatMap((name, c) =>
        Array.from({ length: 8 }, (_, s) => [name, s + 1, Math.round(1000 * (1 + c + shift) / (1 + (s - 3) ** 2))])
      ),
  },
  bins: { columns: ["head", "block_step", "metric", "value"], rows: (shift: number) => perHead(BIN_METRICS, shift) },
  attention: {
    columns: ["head", "block_step", "metric", "value"],
    rows: (shift: number) => perHead(["entropy_nats", "collapsed_share", "overloaded_share"], shift),
  },
  calibration: { columns: ["metric", "value"], rows: (shift: number) => [["ece_15", 0.05 + shift / 100]] },
  reliability: {
    columns: ["bins", "bin", "lower", "upper", "count", "confidence", "accuracy"],
    rows: (shift: number) =>
      Array.from({ length: 10 }, (_, b) => {
        const empty = b < 5;
        const middle = (b + 0.5) / 10;
        return [
          10,
          b,
          b / 10,
          (b + 1) / 10,
          empty ? 0 : 250,
          empty ? null : middle,
          empty ? null : middle - shift / 50,
        ];
      }),
  },
  exits: {
    columns: ["block_step", "metric", "value"],
    rows: (shift: number) =>
      Array.from({ length: 8 }, (_, t) => [
        [t + 1, "accuracy", 0.9 - 0.3 / (t + 1) - shift / 100],
        [t + 1, "cross_entropy", 0.3 + 0.3 / (t + 1)],
        [t + 1, "classifier_entropy", 0.5 / (t + 1)],
      ]).flat(),
  },
  eigenvalues: {
    columns: ["review", "block_step", "index", "real", "imaginary"],
    rows: (shift: number) =>
      Array.from({ length: 6 }, (_, i) => [0, 1, i, Math.cos(i + shift), (i % 2 ? -1 : 1) * Math.sin(i + shift)]),
  },
  jacobian: {
    columns: ["review", "block_step", "metric", "value"],
    rows: (shift: number) =>
      Array.from({ length: 30 }, (_, t) => [
        ...t < 8
          ? [[0, t + 1, "spectral_radius", 1 + t / 50], [0, t + 1, "largest_singular_value", 2 + shift / 9]]
          : [],
        [0, t + 1, "tangent_growth", 1.02 ** (t + 1)],
      ]).flat(),
  },
  confusion: {
    columns: ["actual", "predicted", "count"],
    rows: () => [["0", "0", 1100], ["0", "1", 150], ["1", "0", 120], ["1", "1", 1130]],
  },
  threshold: {
    columns: ["threshold", "metric", "value"],
    rows: (shift: number) =>
      [0.5, 0.6, 0.7, 0.8, 0.9].flatMap((threshold) => [
        [threshold, "accuracy", 0.8 + threshold / 10 - shift / 1000],
        [threshold, "halting_steps_mean", 1 + 3 * threshold],
      ]),
  },
  tokens: {
    columns: ["review", "label", "predicted", "position", "token", "steps"],
    rows: () =>
      Array.from(
        { length: 3 },
        (_, review) =>
          ["[CLS]", "<script>alert(1)</script>", "a", "mov", "##ing", "film", "&amp;", "!", "[SEP]"].map((
            token,
            position,
          ) => [
            review,
            1,
            review === 1 ? 0 : 1,
            position,
            token,
            1 + (position + review) % 8,
          ]),
      ).flat(),
  },
} as const;

const BIN_METRICS = ["active_bins", "hard_entropy_bits", "largest_share", "soft_entropy_bits"];

function perHead(metrics: readonly string[], shift: number): (string | number)[][] {
  const rows: (string | number)[][] = [];
  for (let head = 0; head < 2; head++) {
    for (let t = 1; t <= 8; t++) {
      metrics.forEach((metric, m) => rows.push([head, t, metric, 1 + head + t / 8 + m + shift / 10]));
    }
  }
  return rows;
}

/** Writes a run folder as training and diagnosis would leave it, with made-up numbers. */
export async function writeRun(path: string, made: MadeRun): Promise<void> {
  const { name, seed = 42, epochs = 3, logEvery = 0, halting = "exit", instruments = [], shift = 0 } = made;
  await Deno.mkdir(path, { recursive: true });
  const model = { ...PAPER_CONFIG, halting };
  await writeRunJson(path, {
    format: "epsilon-run",
    version: 1,
    run: /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name) ? name : "named-otherwise",
    model,
    recipe: { ...PAPER_RECIPE, seed, epochs: Math.max(1, epochs) },
    configuration: { seed: { value: seed, origin: "flag" } },
    seed,
    dataSha256: "12".repeat(32),
    vocabularySha256: "ab".repeat(32),
    codeVersion: "0.1.0",
    device: "reference",
    parameterCount: tensorTable(model).parameterCount,
    started: "2026-11-22T20:00:00.000Z",
    resumed: [],
    ended: "2026-11-22T20:10:00.000Z",
    outcome: "finished",
  });
  const metrics: MetricRow[] = [];
  const timing: MetricRow[] = [];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (let step = (epoch - 1) * STEPS_AN_EPOCH + 1; logEvery > 0 && step <= epoch * STEPS_AN_EPOCH; step++) {
      if (step % logEvery !== 0) continue;
      const row = { run: name, step, epoch: null, split: "train" as const };
      for (const metric of TRAIN_METRICS) metrics.push({ ...row, metric, value: 1 / step + shift / 100 });
      for (const metric of TIMING_METRICS) timing.push({ ...row, metric, value: 1000 + step });
    }
    for (const split of ["train", "validation"] as const) {
      const row = { run: name, step: epoch * STEPS_AN_EPOCH, epoch, split };
      const value = (number: number) => made.gaps && epoch % 3 === 0 ? null : number;
      for (const metric of TRAIN_METRICS) metrics.push({ ...row, metric, value: value(0.3 + 1 / epoch + shift / 100) });
      metrics.push({ ...row, metric: "accuracy", value: value(0.9 - 0.3 / epoch - 0.01 * (epoch % 2) - shift / 100) });
      if (split === "validation") metrics.push({ ...row, metric: "ece", value: value(0.01 * epoch) });
      metrics.push({ ...row, metric: "halting_depth_mean", value: value(2 + shift / 10) });
      metrics.push({ ...row, metric: "halting_steps_mean", value: value(3 + shift / 10) });
      for (const metric of TIMING_METRICS) timing.push({ ...row, metric, value: 10 + epoch });
    }
  }
  await Deno.writeTextFile(join(path, "metrics.csv"), METRICS_HEADER + metrics.map(formatMetricRow).join(""));
  await Deno.writeTextFile(join(path, "timing.csv"), METRICS_HEADER + timing.map(formatMetricRow).join(""));
  for (const instrument of instruments) await writeInstrument(path, made, instrument, epochs);
}

const TRAIN_METRICS = ["loss", "task_loss", "kl_loss", "entropy_loss", "learning_rate", "grad_norm", "kl_scale"];
const TIMING_METRICS = ["seconds", "tokens_per_second", "reviews_per_second", "token_steps_per_second"];

async function writeInstrument(path: string, made: MadeRun, instrument: Instrument, epochs: number): Promise<void> {
  const { columns, rows } = INSTRUMENTS[instrument];
  let text = formatCsvRow([...KEYS, ...columns]);
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (const row of rows(made.shift ?? 0)) {
      text += formatCsvRow([made.name, epoch * STEPS_AN_EPOCH, epoch, "validation", ...row]);
    }
  }
  await Deno.writeTextFile(join(path, `${instrument}.csv`), text);
}

/** Every instrument that a made-up run can have. */
export const ALL_INSTRUMENTS = Object.keys(INSTRUMENTS) as Instrument[];
