import type { Figure } from "./figures.ts";
import { epochsEnded } from "../summary.ts";
import { PAPER, type PaperModel } from "./paper.ts";
import { type ReproducedRun, summaryOf, type SummaryRow } from "./results.ts";
import { stoppedEarly, stoppingNotes } from "./stopping.ts";

/** Everything that the page of a reproduction tells. */
export interface Reproduction {
  readonly runs: readonly ReproducedRun[];
  readonly summaries: readonly SummaryRow[];
  /** Figures measured by a clock. */
  readonly timing: readonly SummaryRow[];
  readonly figures: readonly Figure[];
  readonly findings: readonly string[];
  /** In what the runs are not the paper's. */
  readonly deviations: readonly string[];
  /** The command line without paths. */
  readonly command: string;
  /** Where the times were measured: processor, device, threads. */
  readonly machine: string;
  /** When: year, month and day. */
  readonly day: string;
}

interface Line {
  readonly label: string;
  readonly metric: string;
  readonly format: (value: number) => string;
  /** Whether the spread over the seeds is told. */
  readonly spread?: boolean;
  /** Whether it is a value of the last epoch that a run has trained. */
  readonly last?: boolean;
  readonly paper?: (model: PaperModel) => number | undefined;
}

const whole = (value: number) => Math.round(value).toLocaleString("en");
const percent = (value: number) => (100 * value).toFixed(2);
const two = (value: number) => value.toFixed(2);

const LINES: readonly Line[] = [
  { label: "Parameters", metric: "parameters", format: whole, paper: ({ parameters }) => parameters },
  {
    label: "Validation accuracy, best epoch, %",
    metric: "best_accuracy",
    format: percent,
    spread: true,
    paper: ({ accuracy }) => accuracy,
  },
  { label: "Validation accuracy, last epoch, %", metric: "last_accuracy", format: percent, spread: true, last: true },
  { label: "Standard error of one run's accuracy, points", metric: "best_accuracy_standard_error", format: percent },
  { label: "Test accuracy of the best checkpoint, %", metric: "test_accuracy", format: percent, spread: true },
  { label: "Standard error of one run's test accuracy", metric: "test_accuracy_standard_error", format: percent },
  { label: "Validation cross-entropy, best epoch", metric: "best_cross_entropy", format: (v) => v.toFixed(4) },
  { label: "Mean depth (steps − 1), best epoch", metric: "best_depth", format: two, spread: true },
  {
    label: "Mean depth, last epoch",
    metric: "last_depth",
    format: two,
    spread: true,
    last: true,
    paper: ({ depth }) => depth,
  },
  { label: "Mean steps, best epoch", metric: "best_steps", format: two },
  {
    label: "Seconds an epoch, equal conditions",
    metric: "seconds_per_epoch",
    format: (v) => v.toPrecision(3),
    paper: ({ secondsPerEpoch }) => secondsPerEpoch,
  },
  {
    label: "The same in the fastest round",
    metric: "seconds_per_epoch_best",
    format: (v) => v.toPrecision(3),
  },
  {
    label: "Processor seconds an epoch, all threads",
    metric: "processor_seconds_per_epoch",
    format: (v) => v.toPrecision(3),
  },
  {
    label: "Speed against vanilla, equal conditions",
    metric: "speed_against_vanilla",
    format: two,
    paper: ({ secondsPerEpoch }) => PAPER.vanilla.secondsPerEpoch / secondsPerEpoch,
  },
  {
    label: "Seconds an epoch, as the runs were made, median",
    metric: "run_seconds_per_epoch",
    format: (v) => v.toPrecision(3),
  },
];

/** The page of a reproduction in Markdown: table, figures, and where it differs from the paper and why. */
export function reproductionMarkdown(reproduction: Reproduction): string {
  const { runs, deviations, figures, findings, command } = reproduction;
  const parts = [
    "# Reproduction of the paper's run",
    `\`${command}\` made this page, the figures and the tables beside it.`,
    deviations.length === 0
      ? `The recipe is the paper's (\`train\`'s defaults)${runs.some(stoppedEarly) ? ", but for stopping early" : ""}.`
      : `**This is not the paper's run:** ${deviations.join("; ")}. Its numbers say nothing about the paper.`,
    table(reproduction),
    ...stoppingNotes(runs),
    ...repeatNote(runs),
    `Mean over the seeds ± their standard deviation; without one where a single seed stands behind it. Best epoch and ` +
    `checkpoint are chosen by validation accuracy, as in the paper. The paper's seconds are an RTX 4070 Mobile's in ` +
    `mixed precision. Equal conditions: the same batches, in turns, with the weights of the best checkpoint of each ` +
    `model's first seed, medians of the rounds; on ${reproduction.day}, ${reproduction.machine}. As the runs were made: beside whatever else ` +
    `the machine had to do.`,
    "## Where it differs from the paper, and why",
    findings.length === 0 ? "There is nothing to compare with the paper." : list(findings),
    "## Figures",
    ...figures.map(({ name, drawing: { title } }) => `![${title}](${name}.svg)`),
    `Thin lines are runs, thick ones the means over a model's seeds, as far as all of them went on. Each figure's ` +
    `Vega-Lite specification with its data lies beside it (\`.vl.json\`).`,
    "## Behind it",
    list(runs.map(runLine)),
    `\`results.csv\` (one row a run and value), \`summary.csv\` (over the seeds) and \`timing.csv\` (what a clock ` +
    `measured) hold the numbers.`,
  ];
  return `${parts.join("\n\n")}\n`;
}

function repeatNote(runs: readonly ReproducedRun[]): string[] {
  const [repeat] = runs.flatMap(({ variant }) => variant.match(/^repeat-(\d+)$/)?.[1] ?? []);
  if (repeat === undefined) return [];
  return [
    `\`repeat-${repeat}\` applies the block ${repeat} times to every token and never halts; ${repeat} is the mean over ` +
    `\`exit\`'s runs of the mean steps in their best epochs, rounded.`,
  ];
}

function list(entries: readonly string[]): string {
  return entries.map((entry) => `- ${entry}`).join("\n");
}

function runLine({ variant, seed, run }: ReproducedRun): string {
  const { label, record } = run;
  if (record === undefined) return `\`${variant}\`, seed ${seed}: \`${label}\``;
  const day = (record.ended ?? record.started).slice(0, 10);
  return `\`${variant}\`, seed ${seed}: \`${label}\`, ${epochsEnded(run)} of ${record.recipe.epochs} epochs, ${day}, ` +
    `epsilon ${record.codeVersion} on ${record.device}, data ${record.dataSha256.slice(0, 12)}…`;
}

function table({ runs, summaries, timing }: Reproduction): string {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  const found = summaryOf([...summaries, ...timing]);
  const seeds = variants.map((variant) =>
    runs.filter((run) => run.variant === variant).map(({ seed }) => seed).join(", ")
  );
  const early = new Set(runs.filter(stoppedEarly).map(({ variant }) => variant));
  const lines = LINES.flatMap(({ label, metric, format, spread, last, paper }) => {
    const cells = variants.map((variant) => {
      const row = found(variant, metric);
      const mark = last && row !== undefined && early.has(variant) ? " †" : "";
      return `${cell(row, format, spread ?? false)}${mark}`;
    });
    if (cells.every((text) => text === NOTHING)) return [];
    const reported = [PAPER.epsilon, PAPER.vanilla].map((model) => paper?.(model))
      .map((value) => value === undefined ? NOTHING : format(value));
    return [[label, ...cells, ...reported]];
  });
  const header = ["", ...variants.map((variant) => `\`${variant}\``), "paper: Epsilon", "paper: vanilla"];
  const rows = [header, header.map(() => "---"), ["Seeds", ...seeds, "one run", "one run"], ...lines];
  return rows.map((row) => `| ${row.join(" | ")} |`).join("\n");
}

const NOTHING = "–";

function cell(row: SummaryRow | undefined, format: (value: number) => string, spread: boolean): string {
  if (row === undefined) return NOTHING;
  if (!spread || row.standardDeviation === null) return format(row.mean);
  return `${format(row.mean)} ± ${format(row.standardDeviation)}`;
}
