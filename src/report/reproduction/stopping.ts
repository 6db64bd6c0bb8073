import { bestEpoch, epochsEnded, epochSummaries } from "../summary.ts";
import type { ReproducedRun } from "./results.ts";

/** Whether the run stopped before the last epoch of its recipe. */
export function stoppedEarly({ run }: ReproducedRun): boolean {
  return run.record?.outcome === "stopped-early";
}

/**
 * The epoch behind which a patience of so many epochs without a better accuracy would have stopped the run; undefined
 * when it would not have.
 */
export function stoppingEpoch({ run }: ReproducedRun, patience: number): number | undefined {
  let best = -Infinity, since = 0;
  for (const { epoch, validation } of epochSummaries(run)) {
    const accuracy = validation.get("accuracy") ?? -Infinity;
    since = accuracy > best ? 0 : since + 1;
    best = Math.max(best, accuracy);
    if (since >= patience) return epoch;
  }
}

/** Runs by their seeds, such as "`exit` with seeds 1, 2; `soft` with seed 1". */
function named(runs: readonly ReproducedRun[]): string {
  const variants = [...new Set(runs.map(({ variant }) => variant))];
  return variants.map((variant) => {
    const seeds = runs.filter((run) => run.variant === variant).map(({ seed }) => seed);
    return `\`${variant}\` with ${seeds.length === 1 ? "seed" : "seeds"} ${seeds.join(", ")}`;
  }).join("; ");
}

/** What is to be told of runs that did not all end by one rule, as paragraphs in Markdown. */
export function stoppingNotes(runs: readonly ReproducedRun[]): string[] {
  const early = runs.filter(stoppedEarly);
  if (early.length === 0) return [];
  const notes = [
    `† Stopped early for want of a better epoch: ${named(early)}. Their last epoch is the one where they stopped.`,
  ];
  const patience = Math.max(...early.map(({ run }) => run.record?.recipe.patience ?? 0));
  const patient = runs.filter((run) => (stoppingEpoch(run, patience) ?? Infinity) < epochsEnded(run.run));
  if (patient.length === 0) return notes;
  const gained = patient.filter((run) => (bestEpoch(run.run)?.epoch ?? 0) > (stoppingEpoch(run, patience) ?? Infinity));
  return [
    ...notes,
    `Trained to the last epoch, where a patience of ${patience} would have stopped them: ${named(patient)}. ` +
    (gained.length === 0
      ? "Their best epoch is the one that they would have had then."
      : `A better epoch came of it for ${named(gained)}, which sets them at an advantage.`),
  ];
}
