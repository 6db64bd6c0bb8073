// Elementary functions in float64: WASM fixes every bit of them, where ECMAScript leaves those of `Math` to the engine.
// What is computed is AssemblyScript's port of musl's: relative error below 1 ulp.
//
// No memory but the tables' own; nothing is imported.

/** e^x. */
export function exp(x: f64): f64 {
  return Math.exp(x);
}

/** ln x. */
export function log(x: f64): f64 {
  return Math.log(x);
}

/** ln(1 + x), exact to rounding for small x too. */
export function log1p(x: f64): f64 {
  return Math.log1p(x);
}

/** sin x, x in radians. */
export function sin(x: f64): f64 {
  return Math.sin(x);
}

/** cos x, x in radians. */
export function cos(x: f64): f64 {
  return Math.cos(x);
}

/** x^y. */
export function pow(x: f64, y: f64): f64 {
  return Math.pow(x, y);
}
