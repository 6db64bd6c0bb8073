/** In what a GPU keeps activations and weights: 32 or 16 bits a number. It computes and accumulates in 32 either way. */
export const PRECISIONS = ["f32", "f16"] as const;
export type Precision = typeof PRECISIONS[number];
