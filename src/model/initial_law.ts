/** How a tensor is filled at first (spec §2, "Initial weights"; spec §4). */
export type InitialLaw =
  | { readonly kind: "xavier"; readonly bound: number }
  | { readonly kind: "uniform"; readonly bound: number }
  | { readonly kind: "normal" }
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "unit" };

/** Uniform within ±√(6 / (fanIn + fanOut)). */
export const xavier = (fanIn: number, fanOut: number): InitialLaw => ({
  kind: "xavier",
  bound: Math.sqrt(6 / (fanIn + fanOut)),
});

/** Uniform within ±1/√fanIn. */
export const uniform = (fanIn: number): InitialLaw => ({ kind: "uniform", bound: 1 / Math.sqrt(fanIn) });

export const constant = (value: number): InitialLaw => ({ kind: "constant", value });

/** N(0, 1). */
export const NORMAL: InitialLaw = { kind: "normal" };
