/** How many reviews the costly instruments look at. */
export interface Effort {
  /** Reviews that are traced for bins, attention and exits; 0 means all. */
  readonly tracedReviews: number;
  /** Reviews that are kept token by token. */
  readonly tokenReviews: number;
  /** Reviews whose Jacobian is looked at: the shortest of so many candidates. */
  readonly jacobianReviews: number;
  readonly jacobianCandidates: number;
  /** Whether the Jacobian is taken at every step, or at the first and the last that ran. */
  readonly jacobianSteps: "all" | "ends";
  /** Leading eigenvalues that are looked for, and most products with the Jacobian behind them. */
  readonly eigenvalues: number;
  readonly eigenvalueProducts: number;
}

/** What `epsilon diagnose` spends. */
export const THOROUGH: Effort = {
  tracedReviews: 0,
  tokenReviews: 20,
  jacobianReviews: 4,
  jacobianCandidates: 4,
  jacobianSteps: "all",
  eigenvalues: 4,
  eigenvalueProducts: 120,
};

/** What is spent after each epoch of training, so that it stays below a tenth of the training itself. */
export const PASSING: Effort = {
  tracedReviews: 128,
  tokenReviews: 4,
  jacobianReviews: 1,
  jacobianCandidates: 16,
  jacobianSteps: "ends",
  eigenvalues: 1,
  eigenvalueProducts: 40,
};
