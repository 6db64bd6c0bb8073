/**
 * How the CPU engine rounds: `fast` may fuse a multiplication and an addition, `strict` rounds both, so that every
 * processor gives the same bytes.
 */
export const NUMERICS = ["fast", "strict"] as const;
export type Numerics = typeof NUMERICS[number];
