/** What was published about the benchmark of stochastic resonance (stability spec §1), dimension 128, seed 42. */
export const PUBLISHED_BENCHMARK = {
  dim: 128,
  seed: 42,
  /** What its documentation shows. */
  documented: { steps: 200, loss: 0.0012, gain: "decaying" },
  /** What the published code gives. */
  firstLoss: 0.3208,
  given: [
    { steps: 100, gain: 0.0256, loss: 0.2198 },
    { steps: 200, gain: 0.0637, loss: 0.1183 },
    { steps: 2000, gain: 0.3, loss: 1.4e-4 },
  ],
} as const;
