import { join } from "node:path";
import { type ControlRow, controlRows } from "../diagnose/resonance/controls.ts";
import { descend, type DescentPoint, VARIANTS } from "../diagnose/resonance/descent.ts";
import { PUBLISHED_BENCHMARK } from "../diagnose/resonance/published.ts";
import { SURFACES } from "../diagnose/resonance/surfaces.ts";
import { UsageError } from "../errors.ts";
import { writeFileAtomically } from "../files/atomic.ts";
import { makeFolder } from "../files/make_folder.ts";
import { formatCsvRow } from "../libraries/csv.ts";
import { resonanceControls } from "../report/charts/resonance.ts";
import { saveChart } from "../report/render.ts";
import { type MeanDifference, meanDifference, type Sample, sampleOf } from "../report/statistics.ts";
import { PUBLISHED_RESONANCE } from "../train/stochastic_resonance.ts";
import { formatColumns, formatTable } from "./format.ts";
import { jsonDocument } from "./output.ts";
import type { ResonanceBenchContext, ResonanceInfoContext } from "./resonance.ts";

const TOLD_EVERY = 10;
const COLUMNS = ["surface", "variant", "seed", "step", "gain", "loss", "distance"] as const;

/** The body of `epsilon resonance bench`. */
export async function benchResonance({ values, terminal }: ResonanceBenchContext): Promise<number> {
  const { steps, dim, seed, srPatience, verbose, controls, out } = values;
  if (out !== undefined && !controls) {
    throw new UsageError("Cannot use --out: the benchmark alone writes no files", "Give --controls as well.");
  }
  if (out !== undefined) await makeFolder(out);
  const points = [...descend({ surface: SURFACES[0], steps, dim, seed, settings: { patience: srPatience } })];
  const compared = controls ? compareControls(values) : undefined;
  if (compared !== undefined && out !== undefined) await writeControls(out, compared.rows);
  const [first] = points;
  const last = points[points.length - 1];
  const told = points.filter(({ step }) => step > 0 && step % TOLD_EVERY === 0);
  if (values.json) {
    await terminal.write(jsonDocument({
      ...{ steps, dim, seed, patience: srPatience, first_loss: first.loss, final_loss: last.loss, gain: last.gain },
      ...verbose ? { points: told } : {},
      ...compared === undefined ? {} : { controls: compared.summaries },
    }));
    return 0;
  }
  if (verbose) await terminal.write(told.map(formatPoint).join(""));
  await terminal.write(formatTable([
    ["steps", String(steps)],
    ["first loss", first.loss.toFixed(4)],
    ["final loss", short(last.loss)],
    ["final gain", last.gain.toFixed(4)],
    ...publishedLines(steps, dim),
  ]));
  if (compared !== undefined) await terminal.write(`\n${formatControls(compared.summaries, values.seeds)}`);
  return 0;
}

/** What was published about the same benchmark, to be seen beside the result. */
function publishedLines(steps: number, dim: number): [string, string][] {
  const { documented, given } = PUBLISHED_BENCHMARK;
  if (dim !== PUBLISHED_BENCHMARK.dim) return [];
  const code = given.filter((own) => own.steps === steps).map(({ loss, gain }): [string, string] => //
  ["published code", `loss ${short(loss)}, gain ${gain} (seed ${PUBLISHED_BENCHMARK.seed} of other random numbers)`]);
  const claim: [string, string] = ["its documentation", `loss ${documented.loss}, gain ${documented.gain}`];
  return steps === documented.steps ? [...code, claim] : code;
}

function formatPoint({ step, gain, loss }: DescentPoint): string {
  return `step ${String(step).padStart(5)}  gain ${gain.toFixed(4)}  loss ${short(loss)}\n`;
}

function short(value: number): string {
  return value >= 0.001 ? value.toFixed(4) : value.toExponential(2);
}

interface ControlSummary {
  readonly surface: string;
  readonly variant: string;
  readonly loss: Sample;
  readonly distance: Sample;
  /** Final loss less that of the published descent, paired by seed; null for that one. */
  readonly difference: MeanDifference | null;
}

function compareControls(
  { steps, dim, seed, seeds: count, srPatience }: ResonanceBenchContext["values"],
): { readonly rows: readonly ControlRow[]; readonly summaries: readonly ControlSummary[] } {
  const seeds = Array.from({ length: count }, (_, i) => seed + i);
  const rows = [...controlRows({ steps, dim, seeds, settings: { patience: srPatience } })];
  const final = (surface: string, variant: string, value: "loss" | "distance") =>
    new Map(
      rows.filter((row) => row.surface === surface && row.variant === variant && row.step === steps)
        .map((row) => [String(row.seed), row[value]]),
    );
  const summaries = SURFACES.flatMap(({ name: surface }) =>
    VARIANTS.flatMap(({ name: variant }): ControlSummary[] => {
      const losses = final(surface, variant, "loss");
      const [loss, distance] = [losses, final(surface, variant, "distance")].map((own) => sampleOf([...own.values()]));
      if (loss === undefined || distance === undefined) return [];
      const published = final(surface, VARIANTS[0].name, "loss");
      const difference = variant === VARIANTS[0].name ? undefined : meanDifference(losses, published);
      return [{ surface, variant, loss, distance, difference: difference ?? null }];
    })
  );
  return { rows, summaries };
}

async function writeControls(folder: string, rows: readonly ControlRow[]): Promise<void> {
  const lines = rows.map((row) => formatCsvRow(COLUMNS.map((column) => row[column])));
  await writeFileAtomically(join(folder, "controls.csv"), [formatCsvRow(COLUMNS), ...lines].join(""));
  await saveChart(join(folder, "controls.svg"), resonanceControls(rows));
}

function formatControls(summaries: readonly ControlSummary[], seeds: number): string {
  const headings = ["surface", "variant", "final loss", "± sd", "less published", "95 % interval", "distance"];
  const rows = summaries.map(({ surface, variant, loss, distance, difference }) => [
    surface,
    variant,
    loss.mean.toPrecision(4),
    (loss.sd ?? 0).toPrecision(2),
    difference === null ? "–" : difference.difference.toExponential(2),
    difference === null
      ? "–"
      : `[${difference.interval.lower.toExponential(1)}, ${difference.interval.upper.toExponential(1)}]`,
    distance.mean.toFixed(4),
  ]);
  return `Controls over ${seeds} seeds, differences paired by seed:\n${formatColumns(headings, rows)}`;
}

/** The body of `epsilon resonance info`. */
export async function describeResonance({ values, terminal }: ResonanceInfoContext): Promise<number> {
  if (values.json) {
    await terminal.write(jsonDocument({ defaults: PUBLISHED_RESONANCE, published: PUBLISHED_BENCHMARK }));
    return 0;
  }
  const { baseGain, minGain, maxGain, stagnationThreshold, gainGrowth, gainDecay, patience } = PUBLISHED_RESONANCE;
  const { dim, seed, documented, firstLoss, given } = PUBLISHED_BENCHMARK;
  await terminal.write([
    "Stochastic resonance: noise whose gain follows a metric, of which higher is better.",
    "",
    "  δ = metric − last metric; k counts stagnant steps in a row",
    "  δ < threshold: k ← k + 1; if k ≥ patience: gain ← min(gain · growth, maximum)",
    "  otherwise:     k ← 0;     gain ← max(gain · decay, minimum)",
    "  x ← x + gain · ε, ε standard normal",
    "",
    formatTable([
      ["base gain", String(baseGain)],
      ["minimum, maximum", `${minGain}, ${maxGain}`],
      ["threshold", String(stagnationThreshold)],
      ["growth, decay", `${gainGrowth}, ${gainDecay}`],
      ["patience", `${patience} in the published code, 1 in the published formula (--sr-patience)`],
    ]),
    `The published benchmark (resonance bench; dimension ${dim}, seed ${seed}):`,
    "",
    `  Its documentation shows a final loss of ${documented.loss} with a ${documented.gain} gain after ${documented.steps} steps.`,
    `  Its code gives, from a first loss of ${firstLoss}:`,
    ...given.map(({ steps, gain, loss }) =>
      `    after ${String(steps).padStart(4)} steps a loss of ${short(loss)} and a gain of ${gain}`
    ),
    "",
    "The gain also raises the step size, so that the benchmark proves nothing about noise: resonance bench --controls",
    "descends with the same step sizes and no noise, with a fixed gain, and on surfaces with a plateau and two wells.",
    "",
  ].join("\n"));
  return 0;
}
