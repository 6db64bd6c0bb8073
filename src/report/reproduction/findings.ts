import { PAPER_RECIPE } from "../../train/config.ts";
import { standardError } from "../../train/interval.ts";
import { sampleOf } from "../statistics.ts";
import { bestEpoch } from "../summary.ts";
import { PAPER, PAPER_REVIEWS } from "./paper.ts";
import { type ReproducedRun, summaryOf, type SummaryRow } from "./results.ts";

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
    ...comparable ? variants.flatMap((variant) => accuracyFinding(variant, found)) : [],
    ...comparable && variants.includes("exit") ? depthFinding("exit", runs, found) : [],
    ...variants.filter((variant) => variant.startsWith("repeat-")).flatMap((variant) => repeatFinding(variant, runs)),
    ...variants.flatMap((variant) => testFinding(variant, found)),
    ...comparable ? timeFinding(variants, summaryOf(timing), found) : [],
  ];
}

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
  const ownError = best.standardDeviation === null
    ? standardError(best.mean, reviews.mean)
    : best.standardDeviation / Math.sqrt(best.runs);
  const error = Math.hypot(standardError(paper.accuracy, PAPER_REVIEWS.validation), ownError);
  const explained = Math.abs(difference) <= 2 * error;
  return [
    `**Accuracy, \`${variant}\`:** ${percent(best.mean)} against the paper's ${percent(paper.accuracy)}, ` +
    `${points(difference)} points ${side(difference)} it. The paper's number is one run on one split of ` +
    `${PAPER_REVIEWS.validation.toLocaleString("en")} reviews; the standard error of the difference is ` +
    `${points(error)} points, so ${
      explained
        ? "the choice of reviews and of the seed is enough to explain it."
        : "chance does not explain it. What else differs from the paper's run: arithmetic (mixed precision there), and " +
          "the published code, in which padding takes part in the bins; which of them it is, these runs cannot tell."
    } Both numbers are the best of all epochs on the very reviews that choose the epoch, which flatters them; the last ` +
    `epoch gives ${percent(last.mean)}.`,
  ];
}

function depthFinding(variant: string, runs: readonly ReproducedRun[], found: Lookup): string[] {
  const paper = PAPER.epsilon.depth;
  const depth = found(variant, "last_depth"), kl = found(variant, "last_kl_loss");
  const task = found(variant, "last_cross_entropy");
  const weight = runs.find((run) => run.variant === variant)?.run.record?.model.klLossWeight;
  if (paper === undefined || depth === undefined || kl === undefined || task === undefined || weight === undefined) {
    return [];
  }
  const difference = depth.mean - paper;
  const spread = depth.standardDeviation ?? 0;
  if (Math.abs(difference) <= Math.max(0.1, 2 * spread)) {
    return [`**Depth, \`${variant}\`:** ends at ${depth.mean.toFixed(2)}, the paper's at ${paper}: no difference.`];
  }
  return [
    `**Depth, \`${variant}\`:** ends at ${depth.mean.toFixed(2)}, the paper's at ${paper}. In the last epoch the ` +
    `weighted KL term, which pulls to the prior, is ${(weight * kl.mean).toPrecision(2)} nats beside a validation ` +
    `cross-entropy of ${task.mean.toPrecision(2)}, so the task rules the depth here. Whether the paper's mean counts ` +
    `padding tokens, which its code processes too, is not told; it would be another quantity than this mean over true ` +
    `tokens.`,
  ];
}

/** Fixed depth against adaptive depth at the same cost, paired by seed: both saw the same split. */
function repeatFinding(variant: string, runs: readonly ReproducedRun[]): string[] {
  const accuracyOf = (name: string, seed: number) => {
    const same = runs.find((run) => run.variant === name && run.seed === seed);
    return same === undefined ? undefined : bestEpoch(same.run)?.accuracy;
  };
  const seeds = runs.filter((run) => run.variant === variant).map(({ seed }) => seed);
  const differences = seeds.flatMap((seed) => {
    const [adaptive, fixed] = [accuracyOf("exit", seed), accuracyOf(variant, seed)];
    return adaptive === undefined || fixed === undefined ? [] : [adaptive - fixed];
  });
  const sample = sampleOf(differences);
  if (sample === undefined) return [];
  const { mean, interval } = sample;
  const certainty = interval === null
    ? "One seed tells nothing certain."
    : `Over ${differences.length} seeds, paired, the 95 % interval of the difference reaches from ${
      signed(interval.lower)
    } to ${signed(interval.upper)} points${interval.lower <= 0 && interval.upper >= 0 ? ": none is shown." : "."}`;
  const standing = mean === 0 ? "level with" : `${points(mean)} points ${side(mean)}`;
  return [
    `**Adaptive against fixed depth:** \`exit\` is ${standing} \`${variant}\`, which applies ` +
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

function timeFinding(variants: readonly string[], timed: Lookup, found: Lookup): string[] {
  const vanilla = timed("vanilla", "seconds_per_epoch");
  if (vanilla === undefined) return [];
  const paperRatio = PAPER.vanilla.secondsPerEpoch / PAPER.epsilon.secondsPerEpoch;
  const ratios = variants.filter((variant) => variant !== "vanilla").flatMap((variant) => {
    const speed = timed(variant, "speed_against_vanilla");
    const steps = found(variant, "best_steps");
    const depth = steps === undefined ? "" : ` at ${steps.mean.toFixed(1)} mean steps`;
    return speed === undefined ? [] : [`${speed.mean.toFixed(2)} times as fast as vanilla for \`${variant}\`${depth}`];
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
