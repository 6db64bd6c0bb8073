import elementaryModule from "../../kernels/build/elementary.wasm" with { type: "bytes" };

interface Elementary {
  exp(x: number): number;
  log(x: number): number;
  log1p(x: number): number;
  sin(x: number): number;
  cos(x: number): number;
  pow(x: number, y: number): number;
}

/**
 * Elementary functions that give the same bits on every machine (kernels/elementary/elementary.as.ts), for everything
 * that reaches a run folder. Those of `Math`, and `**`, are left to the engine and its build by ECMAScript; only
 * + − × ÷ and `Math.sqrt` round in one way everywhere.
 */
export const { exp, log, log1p, sin, cos, pow } = new WebAssembly.Instance(
  new WebAssembly.Module(elementaryModule),
).exports as unknown as Elementary;

/** x². */
export function square(x: number): number {
  return x * x;
}

/** √(x² + y²), for sizes whose squares are finite. */
export function hypotenuse(x: number, y: number): number {
  return Math.sqrt(x * x + y * y);
}
