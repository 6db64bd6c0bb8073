import { join } from "node:path";
import { EpsilonError } from "../../errors.ts";
import { isThere } from "../../files/is_there.ts";
import { PREDICTIONS_CSV, readPredictions } from "../../metrics/predictions_csv.ts";
import type { ReportRun } from "../run.ts";
import { holm, type McNemar, mcNemar } from "../statistics.ts";

/** Most pairs of runs that are tested; beyond them each run is tested against the first only. */
const MOST_PAIRS = 45;

/** McNemar's test of two runs on the reviews that both have judged. */
export interface RunTest extends McNemar {
  readonly first: string;
  readonly second: string;
  /** Splits of the shared reviews. */
  readonly splits: readonly string[];
  /** p, adjusted after Holm for the number of tests. */
  readonly adjusted: number;
}

export interface Agreement {
  readonly tests: readonly RunTest[];
  /** What could not be tested and why, in sentences without a full stop. */
  readonly notes: readonly string[];
}

interface Judged {
  readonly label: string;
  /** Whether each review was judged rightly, by data, review and its class. */
  readonly right: ReadonlyMap<string, boolean>;
  readonly splits: ReadonlyMap<string, string>;
}

/** Tests runs pair by pair from their `predictions.csv`; what a run lacks, or has broken, becomes a note. */
export async function testAgreement(runs: readonly ReportRun[]): Promise<Agreement> {
  const notes: string[] = [];
  const judged: Judged[] = [];
  const without: string[] = [];
  for (const run of runs) {
    const path = join(run.path, PREDICTIONS_CSV);
    if (await isThere(path)) judged.push(...await readJudged(run.label, path, notes));
    else without.push(run.label);
  }
  if (without.length > 0) {
    notes.push(
      `No ${PREDICTIONS_CSV} in ${named(without)}: epsilon evaluate RUN --predictions RUN/${PREDICTIONS_CSV} writes it`,
    );
  }
  const tests: Omit<RunTest, "adjusted">[] = [];
  for (const [first, second] of pairsOf(judged)) {
    const shared = [...first.right.keys()].filter((key) => second.right.has(key));
    if (shared.length === 0) {
      notes.push(`${first.label} and ${second.label} have no review in common`);
      continue;
    }
    const outcomes = shared.map((key) => [first.right.get(key) === true, second.right.get(key) === true] as const);
    const splits = [...new Set(shared.flatMap((key) => [first, second].map(({ splits }) => splits.get(key) ?? "")))];
    tests.push({ first: first.label, second: second.label, splits, ...mcNemar(outcomes) });
  }
  if (judged.length * (judged.length - 1) / 2 > MOST_PAIRS) {
    notes.push(`${judged.length} runs have predictions: each is tested against ${judged[0].label} only`);
  }
  const adjusted = holm(tests.map(({ p }) => p));
  return { tests: tests.map((test, i) => ({ ...test, adjusted: adjusted[i] })), notes };
}

function pairsOf(judged: readonly Judged[]): [Judged, Judged][] {
  const all = judged.flatMap((first, i) => judged.slice(i + 1).map((second): [Judged, Judged] => [first, second]));
  return all.length <= MOST_PAIRS ? all : all.slice(0, judged.length - 1);
}

/** The predictions in `path`, or nothing and a note when they cannot be read. */
async function readJudged(label: string, path: string, notes: string[]): Promise<Judged[]> {
  const right = new Map<string, boolean>();
  const splits = new Map<string, string>();
  try {
    for await (const { split, data, review, label, predicted } of readPredictions(path)) {
      // The class is part of the key: a review of another class is another review, whatever its number.
      const key = `${data},${review},${label}`;
      right.set(key, predicted === label);
      splits.set(key, split);
    }
  } catch (error) {
    if (!(error instanceof EpsilonError)) throw error;
    notes.push(error.message);
    return [];
  }
  return [{ label, right, splits }];
}

/** Runs that a note names. */
const NAMED = 5;

function named(labels: readonly string[]): string {
  const beyond = labels.length - NAMED;
  return `${labels.slice(0, NAMED).join(", ")}${beyond > 0 ? ` and ${beyond} more runs` : ""}`;
}
