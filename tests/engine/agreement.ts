import { type AgreementCase, buildCase, type BuiltCase } from "../../src/engine/cases.ts";
import type {
  Engine,
  GradientResult,
  Losses,
  Prediction,
  SequenceTrace,
  StepResult,
  StepSettings,
} from "../../src/engine/engine.ts";
import { ReferenceEngine } from "../../src/engine/reference_engine.ts";
import { TOLERANCES } from "../../src/engine/verification.ts";
import type { ModelConfig } from "../../src/model/config.ts";
import { HALT_THRESHOLD } from "../../src/model/reference/halting.ts";
import { norm, tensorError, valueError } from "../../src/model/golden.ts";
import type { ModelState, OptimizerState } from "../../src/model/state.ts";
import { type TensorSpec, tensorTable, type Weights } from "../../src/model/tensors.ts";
import { haltingMargin } from "../model/halting_margin.ts";

/** Everything that an engine computes for one case. */
export interface CaseResults {
  readonly gradient: GradientResult;
  readonly everything: Prediction;
  readonly logits: Prediction;
  readonly traces: readonly SequenceTrace[];
  readonly steps: readonly StepResult[];
  readonly state: Required<ModelState>;
  /** The weights after a first step, from moments of zero. */
  readonly firstStep: Weights;
}

/** A case with what the reference makes of it. */
export interface ExpectedCase {
  readonly name: string;
  readonly built: BuiltCase;
  readonly settings: StepSettings;
  readonly results: CaseResults;
  /** The closest that any halting decision of these results comes to its tie. */
  readonly margin: number;
}

const STEPS = 3;

/**
 * What a step leaves must show a wrong rate, decay, ε or clipping at a tolerance of 1e-4: large ones, and a clipping
 * norm that the gradient exceeds.
 */
function stepSettings({ settings }: BuiltCase, gradNorm: number): StepSettings {
  return { ...settings, learningRate: 0.01, weightDecay: 5, epsilon: 1e-3, clipGradNorm: 0.6 * gradNorm };
}

/** Runs all methods of `engine` on a case; the state is uploaded first and again before the steps. */
async function resultsOf(engine: Engine, { state, batch }: BuiltCase, settings: StepSettings): Promise<CaseResults> {
  const { klScale } = settings;
  await engine.upload(state);
  const gradient = await engine.gradient(batch, settings);
  const everything = await engine.predict(batch, { want: "everything", klScale });
  const logits = await engine.predict(batch, { want: "logits", klScale });
  const traces = await engine.trace(batch);
  const steps: StepResult[] = [];
  for (let step = 0; step < STEPS; step++) steps.push(await engine.trainStep(batch, settings));
  const stepped = await engine.download();
  await engine.upload({ weights: state.weights });
  await engine.trainStep(batch, settings);
  return { gradient, everything, logits, traces, steps, state: stepped, firstStep: (await engine.download()).weights };
}

/** The smallest margin of the predictions, of all steps, and of the first step from no moments. */
async function smallestMargin(
  { config, state: { weights, optimizer }, batch }: BuiltCase,
  settings: StepSettings,
): Promise<number> {
  const { dropout, seed, noise } = settings;
  const engine = new ReferenceEngine(config);
  let margin = haltingMargin(config, weights, batch, 0, seed, 0);
  for (const start of [{ weights, optimizer }, { weights }]) {
    await engine.upload(start);
    for (let step = 0; step < (start.optimizer ? STEPS : 1); step++) {
      const before = await engine.download();
      await engine.trainStep(batch, settings);
      // A step computes with its old parameters and with directions that are already iterated.
      const { weights: { buffers } } = await engine.download();
      const used = { parameters: before.weights.parameters, buffers };
      const { step: taken } = before.optimizer;
      margin = Math.min(margin, haltingMargin(config, used, batch, dropout, seed, taken, HALT_THRESHOLD, noise));
    }
  }
  return margin;
}

/** Computes `agreement` with the reference. */
export async function expectedCase(agreement: AgreementCase): Promise<ExpectedCase> {
  const built = buildCase(agreement);
  const engine = new ReferenceEngine(built.config);
  await engine.upload(built.state);
  const settings = stepSettings(built, (await engine.trainStep(built.batch, built.settings)).gradNorm);
  const results = await resultsOf(engine, built, settings);
  return { name: agreement.name, built, settings, results, margin: await smallestMargin(built, settings) };
}

/** Least normal float32. */
const LEAST_NORMAL = 2 ** -126;

/** `values` with those that float32 cannot hold as normal numbers flushed to zero. */
function flushed(values: ArrayLike<number>): Float64Array {
  return Float64Array.from(values, (value) => Math.abs(value) < LEAST_NORMAL ? 0 : value);
}

/** Collects what differs by more than the arithmetic may (spec §6). */
class Comparison {
  readonly faults: string[] = [];

  constructor(readonly config: ModelConfig, readonly tolerance: number) {}

  error(quantity: string, error: number): void {
    if (!(error <= this.tolerance)) this.faults.push(`${quantity}: error ${error.toExponential(2)}`);
  }

  same(quantity: string, found: ArrayLike<number | boolean>, wanted: ArrayLike<number | boolean>): void {
    const differing = Array.from(wanted).filter((value, e) => found[e] !== value).length;
    if (differing > 0 || found.length !== wanted.length) this.faults.push(`${quantity}: ${differing} values differ`);
  }

  losses(quantity: string, found: Losses | undefined, wanted: Losses | undefined): void {
    if (found === undefined || wanted === undefined) {
      if (found !== wanted) this.faults.push(`${quantity}: present in one, absent in the other`);
      return;
    }
    for (const name of ["loss", "taskLoss", "klLoss", "entropyLoss"] as const) {
      this.error(`${quantity} ${name}`, valueError(found[name], wanted[name]));
    }
  }

  tensors(quantity: string, specs: readonly TensorSpec[], found: ArrayLike<number>, wanted: Float64Array): void {
    const kindNorm = norm(wanted);
    const values = Float64Array.from(found);
    for (const { name, offset, size } of specs) {
      const [own, expected] = [values, wanted].map((slab) => slab.subarray(offset, offset + size));
      this.error(`${quantity} ${name}`, tensorError(own, expected, kindNorm));
    }
  }

  prediction(quantity: string, found: Prediction, wanted: Prediction): void {
    this.error(`${quantity} logits`, tensorError(found.logits, wanted.logits, 0));
    this.same(`${quantity} halting steps`, found.haltingSteps, wanted.haltingSteps);
    this.losses(quantity, found.losses, wanted.losses);
  }

  traces(found: readonly SequenceTrace[], wanted: readonly SequenceTrace[]): void {
    this.same("trace sequences", [found.length], [wanted.length]);
    for (const key of ["stepProbabilities", "binAssignmentStep0", "attentionStep0", "stateStep0"] as const) {
      const kindNorm = norm(...wanted.map((trace) => trace[key]));
      wanted.forEach((trace, s) =>
        this.error(`trace ${s} ${key}`, tensorError(flushed(found[s][key]), flushed(trace[key]), kindNorm))
      );
    }
    wanted.forEach((trace, s) => this.same(`trace ${s} halting steps`, found[s].haltingSteps, trace.haltingSteps));
    for (const key of ["states", "assignments", "attention"] as const) {
      const kindNorm = norm(...wanted.flatMap((trace) => trace[key]));
      wanted.forEach((trace, s) => {
        this.same(`trace ${s} number of ${key}`, [found[s][key].length], [trace[key].length]);
        trace[key].forEach((tensor, t) =>
          this.error(`trace ${s} ${key} ${t}`, tensorError(flushed(found[s][key][t]), flushed(tensor), kindNorm))
        );
      });
    }
  }

  steps(found: readonly StepResult[], wanted: readonly StepResult[]): void {
    wanted.forEach((step, number) => {
      const own = found[number];
      this.losses(`step ${number}`, own, step);
      this.error(`step ${number} gradient norm`, valueError(own.gradNorm, step.gradNorm));
      if (own.noiseLevel !== step.noiseLevel) {
        this.error(`step ${number} noise level`, valueError(own.noiseLevel, step.noiseLevel));
      }
      this.same(
        `step ${number} updated, correct, token steps`,
        [own.updated, own.correct, own.tokenSteps],
        [step.updated, step.correct, step.tokenSteps],
      );
    });
  }

  weights(when: string, found: Weights, wanted: Weights): void {
    const { parameters, buffers } = tensorTable(this.config);
    this.tensors(`${when}: parameter`, parameters, found.parameters, Float64Array.from(wanted.parameters));
    this.tensors(`${when}: buffer`, buffers, found.buffers, Float64Array.from(wanted.buffers));
  }

  optimizer(found: OptimizerState, wanted: OptimizerState): void {
    const { parameters } = tensorTable(this.config);
    this.tensors("first moment", parameters, found.firstMoment, Float64Array.from(wanted.firstMoment));
    this.tensors("second moment", parameters, found.secondMoment, Float64Array.from(wanted.secondMoment));
    this.same("optimizer step", [found.step], [wanted.step]);
  }
}

/** What `engine` computes otherwise than the reference, a line each: none when it agrees. */
export async function disagreements(
  engine: Engine,
  expected: ExpectedCase,
  tolerance: number = TOLERANCES.float32,
): Promise<string[]> {
  const { built, settings, results: wanted } = expected;
  const found = await resultsOf(engine, built, settings);
  const comparison = new Comparison(built.config, tolerance);
  comparison.losses("gradient", found.gradient, wanted.gradient);
  const { parameters } = tensorTable(built.config);
  comparison.tensors("gradient", parameters, found.gradient.gradient, Float64Array.from(wanted.gradient.gradient));
  comparison.prediction("everything", found.everything, wanted.everything);
  comparison.prediction("logits only", found.logits, wanted.logits);
  comparison.traces(found.traces, wanted.traces);
  comparison.steps(found.steps, wanted.steps);
  comparison.weights("after the steps", found.state.weights, wanted.state.weights);
  comparison.optimizer(found.state.optimizer, wanted.state.optimizer);
  comparison.weights("after a first step", found.firstStep, wanted.firstStep);
  return comparison.faults;
}
