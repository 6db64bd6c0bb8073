import { STEP_CHART_LIST } from "./block_steps.ts";
import type { Chart } from "./chart.ts";
import { compute } from "./compute.ts";
import { confusion } from "./confusion.ts";
import { eigenvalues } from "./eigenvalues.ts";
import { depthByClass, depthEvolution, depthHistogram } from "./halting.ts";
import { METRIC_CHART_LIST } from "./metrics.ts";
import { reliability } from "./reliability.ts";
import { trainingSteps } from "./training_steps.ts";

/** All charts. To add one: its file in this folder, and a name here and in `names.ts`. */
export const CHARTS: readonly Chart[] = [
  ...METRIC_CHART_LIST,
  trainingSteps,
  compute,
  depthHistogram,
  depthByClass,
  depthEvolution,
  ...STEP_CHART_LIST,
  reliability,
  confusion,
  eigenvalues,
];
