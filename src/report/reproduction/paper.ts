/** A model of the paper's table (spec §3). */
export interface PaperModel {
  readonly parameters: number;
  /** Best validation accuracy over the epochs of one run. */
  readonly accuracy: number;
  /** On an RTX 4070 Mobile in mixed precision. */
  readonly secondsPerEpoch: number;
  /** Mean halting depth, steps − 1, at the end; only of the model that halts. */
  readonly depth?: number;
}

/** What the paper reports (spec §3). */
export const PAPER: Readonly<Record<"epsilon" | "vanilla", PaperModel>> = {
  epsilon: { parameters: 369_184, accuracy: 0.9007, secondsPerEpoch: 40.5, depth: 1.78 },
  vanilla: { parameters: 386_186, accuracy: 0.8508, secondsPerEpoch: 60.4 },
};

/** Reviews of the paper's split (spec §3). */
export const PAPER_REVIEWS = { train: 22_500, validation: 2_500 } as const;
