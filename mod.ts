/**
 * Epsilon as a library: a transformer with adaptive computation and quantised attention, after *Epsilon: A Transformer
 * with Adaptive Computation and Quantized Attention* (Mescuwa, 2025). The command line is made of the same parts.
 *
 * Arrays are row-major; logarithms are natural; every error that a user can meet is an {@link EpsilonError} with a
 * `hint` that says how to mend it.
 *
 * @example Train on the built-in sample and label a sentence
 * ```ts
 * import {
 *   Classifier,
 *   className,
 *   initialWeights,
 *   loadTokenizer,
 *   openEngine,
 *   PAPER_CONFIG,
 *   PAPER_RECIPE,
 *   prepareDataset,
 *   stratifiedSplit,
 *   trainModel,
 * } from "@epsilon/epsilon";
 *
 * const { dataset } = await prepareDataset({});
 * const modelConfig = { ...PAPER_CONFIG, vocabSize: dataset.vocabularySize };
 * const config = { ...PAPER_RECIPE, epochs: 2, limitBatches: 4 };
 * const split = stratifiedSplit(dataset.labels, config);
 *
 * const engine = await openEngine(modelConfig, { device: "auto", threads: 2 });
 * try {
 *   await engine.upload({ weights: initialWeights(modelConfig, config.seed) });
 *   for await (const event of trainModel({ engine, dataset, split, modelConfig, config })) {
 *     if (event.kind === "epoch") console.log(`epoch ${event.epoch}: accuracy ${event.accuracy}`);
 *   }
 *   const tokenizer = await loadTokenizer();
 *   const classifier = new Classifier({ engine, config: modelConfig, tokenizer });
 *   const [result] = await classifier.classify(["A quiet film that stays with you."]);
 *   console.log(className(result.label, modelConfig.numClasses), result.probabilities, result.steps);
 * } finally {
 *   await engine.close();
 * }
 * ```
 *
 * @module
 */

export {
  DataError,
  DeviceError,
  EpsilonError,
  LengthError,
  RunError,
  UsageError,
  VerificationError,
} from "./src/errors.ts";

export type { HaltingMode, Model, ModelConfig } from "./src/model/config.ts";
export { HALTING_MODES, LATENT_SIZE, MODELS, PAPER_CONFIG, validateModelConfig } from "./src/model/config.ts";
export type { InitialLaw, TensorSpec, TensorTable, Weights } from "./src/model/tensors.ts";
export { tensorTable, tensorView } from "./src/model/tensors.ts";
export type { ModelState, OptimizerState } from "./src/model/state.ts";
export type { NoiseSettings, NoiseSite } from "./src/model/noise.ts";
export { NOISE_SITES } from "./src/model/noise.ts";
export { initialWeights } from "./src/model/initialization.ts";
export type { Checkpoint, DecodeOptions } from "./src/model/checkpoint.ts";
export { decodeCheckpoint, encodeCheckpoint, requireVocabulary } from "./src/model/checkpoint.ts";
export type { LoadedCheckpoint, LoadOptions } from "./src/model/checkpoint_file.ts";
export { CHECKPOINT_NAMES, loadCheckpoint } from "./src/model/checkpoint_file.ts";
export { loadShippedModel } from "./src/model/shipped_model.ts";

export type { DatasetSplit, TokenizedDataset } from "./src/data/dataset.ts";
export type { PackedBatch } from "./src/data/packed_batch.ts";
export type { Tokenizer } from "./src/data/tokenizer.ts";
export { loadTokenizer } from "./src/data/tokenizer.ts";
export type { SplitOptions } from "./src/data/split.ts";
export { stratifiedSplit } from "./src/data/split.ts";
export { epochOrder, packBatch } from "./src/data/batches.ts";
export type { DistributionShift, ReviewSource, Shift } from "./src/data/shift.ts";
export { plainSource, reversedSource, SHIFTS, shortSource, swappedSource } from "./src/data/shift.ts";
export type { Vocabulary } from "./src/data/vocabulary.ts";
export type { ReviewSplit } from "./src/data/review.ts";
export type { PrepareOptions, PrepareProgress, PrepareReport } from "./src/data/prepare.ts";
export { prepareDataset } from "./src/data/prepare.ts";

export type {
  Engine,
  EngineKind,
  GradientResult,
  Losses,
  ObjectiveSettings,
  ParameterSlab,
  Prediction,
  PredictSettings,
  SequenceTrace,
  StepAdjustment,
  StepAid,
  StepResult,
  StepSettings,
  TrainingStep,
} from "./src/engine/engine.ts";
export type { Numerics } from "./src/engine/numerics.ts";
export { type Precision, PRECISIONS } from "./src/engine/precision.ts";
export { NUMERICS } from "./src/engine/numerics.ts";
export { trainSteps } from "./src/engine/train_steps.ts";
export type { DeviceDecision, DeviceWish } from "./src/engine/choose_device.ts";
export { chooseDevice } from "./src/engine/choose_device.ts";
export type { AdapterChoice, Device, OpenEngineOptions } from "./src/engine/open_engine.ts";
export { ADAPTERS, DEVICES, openEngine } from "./src/engine/open_engine.ts";
export type { Classification, ClassifierParts, TokenDepth } from "./src/engine/classifier.ts";
export { Classifier, className } from "./src/engine/classifier.ts";

export type { TrainConfig } from "./src/train/config.ts";
export { ADAMW, PAPER_RECIPE, PAPER_RECIPES, validateTrainConfig } from "./src/train/config.ts";
export type { EpochSums, MetricValue, TrainEvent, TrainPosition } from "./src/train/events.ts";
export type { LearningRateSchedule } from "./src/train/schedule.ts";
export { klScaleAt, learningRateAt } from "./src/train/schedule.ts";
export type { NormalSource, ResonanceSettings, ResonanceSummary } from "./src/train/stochastic_resonance.ts";
export { PUBLISHED_RESONANCE, StochasticResonance } from "./src/train/stochastic_resonance.ts";
export type {
  Suppression,
  SuppressionLayer,
  SuppressionNumbers,
  SuppressionPreset,
  SuppressionSettings,
  SuppressionSummary,
  SuppressionVariant,
} from "./src/train/adaptive_resonance.ts";
export {
  AdaptiveResonance,
  publishedNumbers,
  SUPPRESSION_LAYERS,
  SUPPRESSION_PRESETS,
  SUPPRESSION_VARIANTS,
} from "./src/train/adaptive_resonance.ts";
export type { Guard } from "./src/train/resonance_guard.ts";
export { autocorrelation, GUARDS, lagCorrelation, permutationEntropy } from "./src/train/resonance_guard.ts";
export type {
  Aids,
  ResonanceAid,
  ResonanceMetric,
  RetentionAid,
  SuppressionAid,
  SuppressionNumber,
} from "./src/train/aids.ts";
export { RESONANCE_DEFAULTS, RESONANCE_METRICS, suppressionDefaults } from "./src/train/aids.ts";
export type { KeptSlabs } from "./src/train/retention.ts";
export type { AidState, ResonanceState } from "./src/train/training_aids.ts";
export type { TrainingOptions } from "./src/train/loop.ts";
export { trainModel } from "./src/train/loop.ts";
export { NonFiniteLossError } from "./src/train/non_finite_loss.ts";
export type { Stopwatch } from "./src/train/sums.ts";
export type { Evaluation, EvaluationOptions, EvaluationProgress, Outputs } from "./src/train/evaluation.ts";
export { evaluateDataset } from "./src/train/evaluation.ts";
export type { Calibration } from "./src/train/calibration.ts";
export { calibrationOf } from "./src/train/calibration.ts";

export type { DiagnosisOptions, DiagnosisProgress } from "./src/diagnose/instruments/diagnosis.ts";
export { readInstruments } from "./src/diagnose/instruments/diagnosis.ts";
export type { Effort } from "./src/diagnose/instruments/effort.ts";
export { PASSING, THOROUGH } from "./src/diagnose/instruments/effort.ts";
export type { InstrumentName } from "./src/diagnose/instruments/instruments.ts";
export { INSTRUMENT_NAMES, INSTRUMENTS } from "./src/diagnose/instruments/instruments.ts";
export type {
  InstrumentEvent,
  InstrumentPlace,
  TrainingInstruments,
} from "./src/diagnose/instruments/training_instruments.ts";
export { withInstruments } from "./src/diagnose/instruments/training_instruments.ts";
export type { Judged } from "./src/diagnose/instruments/temperature.ts";
export type { InstrumentRow, InstrumentTable } from "./src/diagnose/instruments/table.ts";
export { INSTRUMENT_TABLES } from "./src/diagnose/instruments/table.ts";

export type { WeightNorms } from "./src/diagnose/provocation/measured_engine.ts";
export { MeasuredEngine } from "./src/diagnose/provocation/measured_engine.ts";
export type { ProvocationEvent, ProvokedTraining } from "./src/diagnose/provocation/provoked_training.ts";
export { withProvocation } from "./src/diagnose/provocation/provoked_training.ts";
export type { MeasuredRow, MeasureName, Measures, MeasuresOptions } from "./src/diagnose/provocation/measures.ts";
export { measure, MEASURE_NAMES } from "./src/diagnose/provocation/measures.ts";

export type { RunStart, SavedState } from "./src/metrics/run_folder.ts";
export { RunFolder } from "./src/metrics/run_folder.ts";
export type { ResumeCircumstances, ResumePoint } from "./src/metrics/paused_run.ts";
export { PausedRun } from "./src/metrics/paused_run.ts";
export type { Diagnosed, ProvocationRecord, Resumption, RunOutcome, RunRecord } from "./src/metrics/run_json.ts";
export type { RunEvent } from "./src/metrics/record_run.ts";
export { recordRun } from "./src/metrics/record_run.ts";
export type { MetricRow } from "./src/metrics/schema.ts";
export type { ReadMetricsOptions } from "./src/metrics/metrics_csv.ts";
export { readMetrics } from "./src/metrics/metrics_csv.ts";
export type { ReadRowsOptions } from "./src/metrics/run_rows.ts";
export type { ExportOptions } from "./src/metrics/export.ts";
export { exportRuns } from "./src/metrics/export.ts";
