import { cpus } from "node:os";
import { basename, join } from "node:path";
import type { TokenizedDataset } from "../data/dataset.ts";
import { stratifiedSplit } from "../data/split.ts";
import { median } from "../diagnose/benchmark/row.ts";
import { speedRatio } from "../diagnose/epoch_timing.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { saveChart } from "../report/render.ts";
import { reproductionFigures } from "../report/reproduction/figures.ts";
import { deviationsFromPaper, findings } from "../report/reproduction/findings.ts";
import { reproductionMarkdown } from "../report/reproduction/markdown.ts";
import {
  type ReproducedRun,
  type ResultRow,
  resultRows,
  resultsCsv,
  runTimingRows,
  summarize,
  summaryCsv,
  summaryOf,
  type SummaryRow,
} from "../report/reproduction/results.ts";
import { formatColumns } from "./format.ts";
import { kebabCase } from "../model/key_name.ts";
import type { ReproduceContext } from "./reproduce.ts";
import type { MeasuredTimes } from "./reproduction_measures.ts";

/** What a reproduction found, as `--json` prints it. */
export interface ReproductionOutput {
  readonly folder: string;
  readonly page: string;
  readonly deviations: readonly string[];
  readonly results: readonly ResultRow[];
  readonly summary: readonly SummaryRow[];
  readonly timing: readonly ResultRow[];
  readonly findings: readonly string[];
}

interface Written {
  readonly context: ReproduceContext;
  readonly folder: string;
  readonly results: readonly ReproducedRun[];
  readonly timing: MeasuredTimes;
  readonly dataset: TokenizedDataset;
}

/** Writes tables, figures and the page into `folder`, each as a whole or not at all. */
export async function writeReproduction(
  { context, folder, results: runs, timing, dataset }: Written,
): Promise<ReproductionOutput> {
  const results = runs.flatMap(resultRows);
  const summary = summarize(results);
  const timed = [...timingRows(runs, timing), ...runs.flatMap(runTimingRows)];
  const timedSummary = summarize(timed);
  const figures = reproductionFigures(runs);
  const deviations = deviationsFromPaper(runs, reviewCounts(runs, dataset));
  const comparable = deviations.length === 0;
  const told = findings({ runs, summaries: summary, timing: timedSummary, comparable });
  await writeFileAtomically(join(folder, "results.csv"), resultsCsv(results));
  await writeFileAtomically(join(folder, "summary.csv"), summaryCsv(summary));
  await writeFileAtomically(join(folder, "timing.csv"), resultsCsv(timed));
  for (const { name, drawing } of figures) await saveChart(join(folder, `${name}.svg`), drawing);
  const page = join(folder, "README.md");
  await writeFileAtomically(
    page,
    reproductionMarkdown({
      runs,
      summaries: summary,
      timing: timedSummary,
      figures,
      findings: told,
      deviations,
      command: commandLine(context),
      machine: `${cpus()[0]?.model.trim() || "unknown processor"}; ${timing.device}`,
      day: new Date().toISOString().slice(0, 10),
    }),
  );
  return { folder, page, deviations, results, summary, timing: timed, findings: told };
}

/** The reviews of the first run's split. */
function reviewCounts([first]: readonly ReproducedRun[], dataset: TokenizedDataset) {
  const recipe = first.run.record?.recipe;
  if (recipe === undefined) return { train: 0, validation: first.validationReviews };
  const { train, validation } = stratifiedSplit(dataset.labels, recipe);
  return { train: train.length, validation: validation.length };
}

/** The times of equal conditions as rows of the run whose weights were timed. */
function timingRows(runs: readonly ReproducedRun[], { timings, batchesPerEpoch }: MeasuredTimes): ResultRow[] {
  const vanilla = timings.find(({ name }) => name === "vanilla");
  return timings.flatMap((timing) => {
    const found = runs.find(({ variant }) => variant === timing.name);
    if (found === undefined) return [];
    const { variant, seed, run: { label } } = found;
    const milliseconds = median(timing.batchMilliseconds), best = Math.min(...timing.batchMilliseconds);
    const values: Record<string, number> = {
      batch_milliseconds: milliseconds,
      batch_milliseconds_best: best,
      seconds_per_epoch: milliseconds * batchesPerEpoch / 1000,
      seconds_per_epoch_best: best * batchesPerEpoch / 1000,
      processor_seconds_per_epoch: median(timing.processorMilliseconds) * batchesPerEpoch / 1000,
      ...vanilla === undefined ? {} : { speed_against_vanilla: speedRatio(timing, vanilla) },
    };
    return Object.entries(values).map(([metric, value]) => ({ variant, seed, run: label, metric, value }));
  });
}

/** The command line that gives the same results elsewhere: without folders. */
function commandLine({ values, origins }: ReproduceContext): string {
  const keys = ["seeds", "vanillaSeeds", "models", "epochs", "limitBatches", "patience", "data", "testData"] as const;
  const given = keys.filter((key) => origins[key] !== "default").map((key) => {
    const text = String(values[key]);
    return `--${kebabCase(key)} ${key === "data" || key === "testData" ? basename(text) : text}`;
  });
  return ["epsilon reproduce", ...given].join(" ");
}

/** The result for people. */
export function formatReproduction({ page, summary, timing }: ReproductionOutput): string {
  const found = summaryOf([...summary, ...summarize(timing)]);
  const variants = [...new Set(summary.map(({ variant }) => variant))];
  const shown = (variant: string, metric: string, factor: number, digits: number) => {
    const row = found(variant, metric);
    return row === undefined ? "–" : (factor * row.mean).toFixed(digits);
  };
  const rows = variants.map((variant) => [
    variant,
    String(found(variant, "epochs")?.runs ?? 0),
    shown(variant, "best_accuracy", 100, 2),
    shown(variant, "last_accuracy", 100, 2),
    shown(variant, "test_accuracy", 100, 2),
    shown(variant, "last_depth", 1, 2),
    shown(variant, "seconds_per_epoch", 1, 1),
    shown(variant, "speed_against_vanilla", 1, 2),
  ]);
  const headings = ["model", "seeds", "best acc. %", "last %", "test %", "depth", "s/epoch", "× vanilla"];
  return `${formatColumns(headings, rows)}\nThe whole table, figures and findings: ${page}\n`;
}
