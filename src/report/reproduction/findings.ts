import { PAPER_RECIPE } from "../../train/config.ts";
import { standardError } from "../../train/interval.ts";
import { type Interval, meanDifference, sampleOf } from "../statistics.ts";
import { bestEpoch } from "../summary.ts";
import { PAPER, PAPER_REVIEWS } from "./paper.ts";
import { type ReproducedRun, resultRows, summarize, summaryOf, type SummaryRow } from "./results.ts";
import { stoppedEarly } from "./stopping.ts";

/** Reviews that were trained and validated on. */
export interface ReviewCounts {
  readonly train: number;
  readonly validation: number;
}

/** In what the runs are too far from the paper's to be compared with it, as phrases; none when they are not. */
export function deviationsFromPaper(runs: readonly ReproducedRun[], reviews: ReviewCounts): string[] {
  const recipes = runs.flatMap(({ run }) => run.record === undefined ? [] : [run.record.recipe]);
  const epochs = new Set(recipes.map((recipe) => recipe.epochs).filter((count) => count !== PAPER_RECIPE.epochs));
  const limits = new Set(recipes.map((recipe) => recipe.limitBatches).filter((limit) => limit > 0));
  return [
    ...[...epochs].map((count) => `${count} ${count === 1 ? "epoch" : "epochs"} instead of ${PAPER_RECIPE.epochs}`),
    ...[...limits].map((limit) => `${limit} training ${limit === 1 ? "batch" : "batches"} an epoch`),
    ...reviews.train !== PAPER_REVIEWS.train ? [`${reviews.train} training reviews instead of 22,500`] : [],
    ...reviews.validation !== PAPER_REVIEWS.validation
      ? [`${reviews.validation} validation reviews instead of 2,500`]
      : [],
  ];
}

const points = (share: number) => Math.abs(100 * share).toFixed(2);
const signed = (share: number) => `${share < 0 ? "−" : "+"}${points(share)}`;
const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
const side = (difference: number) => difference < 0 ? "below" : "above";

export interface FindingsOptions {
  readonly runs: readonly ReproducedRun[];
  readonly summaries: readonly SummaryRow[];
  /** Of the figures of equal conditions. */
  readonly timing: readonly SummaryRow[];
  /** Whether the runs are near enough to the paper's for its numbers to say something about them. */
  readonly comparable: boolean;
}

/**
 * Where the results differ from the paper's and, as far as the numbers at hand tell, why: one sentence or more a
 * finding, in Markdown.
 */
export function findings({ runs, summaries, timing, comparable }: FindingsOptions): string[] {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  const found = summaryOf(summaries);
  return [
    ...comparable ? [COMPARED, ...variants.flatMap((variant) => accuracyFinding(variant, found))] : [],
    ...comparable ? vanillaFinding(variants, runs, found) : [],
    ...comparable ? depthFinding(runs.filter(({ variant }) => variant === "exit")) : [],
    ...variants.filter((variant) => variant.startsWith("repeat-")).flatMap((variant) => repeatFinding(variant, runs)),
    ...variants.flatMap((variant) => testFinding(variant, found)),
    ...comparable ? timeFinding(runs, summaryOf(timing)) : [],
  ];
}

const COMPARED = `**What is compared:** the paper's accuracies are one run each on one split of ${
  PAPER_REVIEWS.validation.toLocaleString("en")
} reviews. They and ours are the best of the epochs by the very reviews that choose the epoch, which flatters them.`;

type Lookup = ReturnType<typeof summaryOf>;

/** The paper's model that a variant is compared with; repeat-k is none of its. */
function paperModel(variant: string) {
  if (variant === "vanilla") return PAPER.vanilla;
  return variant === "exit" || variant === "soft" ? PAPER.epsilon : undefined;
}

function accuracyFinding(variant: string, found: Lookup): string[] {
  const paper = paperModel(variant);
  const best = found(variant, "best_accuracy"), last = found(variant, "last_accuracy");
  const reviews = found(variant, "validation_reviews");
  if (paper === undefined || best === undefined || last === undefined || reviews === undefined) return [];
  const difference = best.mean - paper.accuracy;
  const error = Math.hypot(standardError(paper.accuracy, PAPER_REVIEWS.validation), errorOf(best, reviews));
  const explained = Math.abs(difference) <= 2 * error;
  const ended = best.runs === 1 ? "the last epoch that was trained gives" : "the last epochs that were trained give";
  return [
    `**Accuracy, \`${variant}\`:** ${percent(best.mean)} against the paper's ${percent(paper.accuracy)}, ` +
    `${points(difference)} points ${side(difference)} it; the standard error of the difference is ` +
    `${points(error)} points, so ${
      explained
        ? "the choice of reviews and of the seed is enough to explain it."
        : `chance does not explain it. What else differs from the paper's run: arithmetic (mixed precision there)${
          paper === PAPER.epsilon ? ", and the published code, in which padding takes part in the bins" : ""
        }; these runs cannot tell what it is.`
    } Here ${ended} ${percent(last.mean)}.`,
  ];
}

/** Standard error of the mean accuracy `best`: from its spread over the seeds, for one run from its number of reviews. */
function errorOf(best: SummaryRow, reviews: SummaryRow): number {
  if (best.standardDeviation === null) return standardError(best.mean, reviews.mean);
  return best.standardDeviation / Math.sqrt(best.runs);
}

/** How far Epsilon is from the baseline, beside the paper's distance. */
function vanillaFinding(variants: readonly string[], runs: readonly ReproducedRun[], found: Lookup): string[] {
  const vanilla = found("vanilla", "best_accuracy"), reviews = found("vanilla", "validation_reviews");
  if (vanilla === undefined || reviews === undefined) return [];
  const told = variants.filter((variant) => variant !== "vanilla").flatMap((variant) => {
    const best = found(variant, "best_accuracy"), own = found(variant, "validation_reviews");
    if (best === undefined || own === undefined) return [];
    const compared = meanDifference(accuracies(runs, variant), accuracies(runs, "vanilla"));
    if (compared === undefined) {
      const error = Math.hypot(errorOf(best, own), errorOf(vanilla, reviews));
      return [`${standing(best.mean - vanilla.mean, `\`${variant}\``)} (standard error ${points(error)} points)`];
    }
    const { difference, interval, method, n } = compared;
    const by = method === "paired" ? `paired over ${n} seeds` : "Welch's method";
    return [`${standing(difference, `\`${variant}\``)} (95 % interval ${reach(interval)}, ${by})`];
  });
  if (told.length === 0) return [];
  const alone = vanilla.runs === 1 ? " One run of vanilla stands behind it." : "";
  return [
    `**Against vanilla:** in the paper Epsilon's best accuracy is ${
      points(PAPER.epsilon.accuracy - PAPER.vanilla.accuracy)
    } points above vanilla's; here ${told.join(", ")}.${alone}`,
  ];
}

/** For example "`exit` 1.20 points above". */
function standing(difference: number, name: string): string {
  return difference === 0 ? `${name} level` : `${name} ${points(difference)} points ${side(difference)}`;
}

const reach = ({ lower, upper }: Interval) => `from ${signed(lower)} to ${signed(upper)} points`;

/** Best accuracies of a variant's runs, by seed. */
function accuracies(runs: readonly ReproducedRun[], variant: string): Map<string, number> {
  const own = runs.filter((run) => run.variant === variant);
  return new Map(own.flatMap(({ seed, run }) => {
    const best = bestEpoch(run);
    return best === undefined ? [] : [[String(seed), best.accuracy] as const];
  }));
}

/** Depth at the end of training: of the runs of `exit` that went on to the last epoch, where there are any. */
function depthFinding(exits: readonly ReproducedRun[]): string[] {
  const ended = exits.filter((run) => !stoppedEarly(run));
  const runs = ended.length === 0 ? exits : ended;
  const found = summaryOf(summarize(runs.flatMap(resultRows)));
  const paper = PAPER.epsilon.depth;
  const depth = found("exit", "last_depth"), kl = found("exit", "last_kl_loss");
  const task = found("exit", "last_cross_entropy");
  const model = runs[0]?.run.record?.model;
  if (paper === undefined || depth === undefined || kl === undefined || task === undefined || model === undefined) {
    return [];
  }
  const where = ended.length === exits.length
    ? ""
    : ended.length === 0
    ? " where its runs stopped early"
    : ` where it went on to the last epoch (${ended.length} of ${exits.length} runs)`;
  const opening = `**Depth, \`exit\`:** ends at ${depth.mean.toFixed(2)}${where}, the paper's ends at ${paper}`;
  const difference = depth.mean - paper;
  const spread = depth.standardDeviation ?? 0;
  if (Math.abs(difference) <= Math.max(0.1, 2 * spread)) return [`${opening}: no difference.`];
  return [
    `${opening}. The prior over the steps has a mean of ${model.targetHaltingMean}, a depth of ` +
    `${
      model.targetHaltingMean - 1
    }. The term of the loss that pulls to it is small here: the KL divergence, with its ` +
    `weight of ${model.klLossWeight} and the schedule's factor, which falls to 0.1, is ` +
    `${(model.klLossWeight * kl.mean).toPrecision(2)} nats in the last epoch, beside a validation cross-entropy of ` +
    `${
      task.mean.toPrecision(2)
    }. Whether the paper's mean counts padding tokens, which its code processes too, is not ` +
    `told; it would be another quantity than this mean over true tokens. These runs do not tell why the depths differ.`,
  ];
}

/** Fixed depth against adaptive depth at the same cost, paired by seed: both saw the same split. */
function repeatFinding(variant: string, runs: readonly ReproducedRun[]): string[] {
  const [adaptive, fixed] = [accuracies(runs, "exit"), accuracies(runs, variant)];
  const differences = [...adaptive].flatMap(([seed, accuracy]) => {
    const other = fixed.get(seed);
    return other === undefined ? [] : [accuracy - other];
  });
  const sample = sampleOf(differences);
  if (sample === undefined) return [];
  const { mean, interval } = sample;
  const certainty = interval === null
    ? "One seed tells nothing certain."
    : `Over ${differences.length} seeds, paired, the 95 % interval of the difference reaches ${reach(interval)}${
      interval.lower <= 0 && interval.upper >= 0 ? ": none is shown." : "."
    }`;
  const level = mean === 0 ? "level with" : `${points(mean)} points ${side(mean)}`;
  return [
    `**Adaptive against fixed depth:** \`exit\` is ${level} \`${variant}\`, which applies ` +
    `the block as often to every token as \`exit\` does on average. ${certainty}`,
  ];
}

function testFinding(variant: string, found: Lookup): string[] {
  const test = found(variant, "test_accuracy"), error = found(variant, "test_accuracy_standard_error");
  const best = found(variant, "best_accuracy");
  if (test === undefined || error === undefined || best === undefined) return [];
  const difference = test.mean - best.mean;
  return [
    `**Test reviews, \`${variant}\`:** ${percent(test.mean)} ± ${points(error.mean)} points (standard error of one ` +
    `run), ${points(difference)} points ${side(difference)} the best validation accuracy. The paper reports none.`,
  ];
}

/** Each model was timed with the weights of its first run, whose steps are told. */
function timeFinding(runs: readonly ReproducedRun[], timed: Lookup): string[] {
  const vanilla = timed("vanilla", "seconds_per_epoch");
  if (vanilla === undefined) return [];
  const paperRatio = PAPER.vanilla.secondsPerEpoch / PAPER.epsilon.secondsPerEpoch;
  const firsts = runs.filter(({ variant }, i) => runs.findIndex((run) => run.variant === variant) === i);
  const ratios = firsts.filter(({ variant }) => variant !== "vanilla").flatMap(({ variant, run }) => {
    const speed = timed(variant, "speed_against_vanilla");
    const steps = bestEpoch(run)?.validation.get("halting_steps_mean") ?? undefined;
    const depth = steps === undefined ? "" : ` at ${steps.toFixed(1)} mean steps`;
    return speed === undefined ? [] : [`${speed.mean.toFixed(2)} times for \`${variant}\`${depth}`];
  });
  if (ratios.length === 0) return [];
  return [
    `**Time:** seconds of other hardware do not compare, ratios may: in the paper an epoch of Epsilon is ` +
    `${paperRatio.toFixed(2)} times as fast as vanilla's, here ${
      ratios.join(", ")
    }. Here neither model spends work on ` +
    `padding, and vanilla's attention never writes its n × n matrix, so vanilla is a stronger opponent than a padded ` +
    `one; Epsilon's time follows its depth.`,
  ];
}
