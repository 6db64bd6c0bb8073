import { exp } from "../elementary.ts";

/*
 * Series: NIST Digital Library of Mathematical Functions 7.6.2, whose terms are all of one sign, so that nothing cancels.
 * Continued fraction: the same, 7.9.1 (Laplace), evaluated from a fixed depth upwards. At the border both are good to a
 * few units in the last place; the fraction only gets better beyond it.
 */
const BORDER = 1.25;
const FRACTION_DEPTH = 150;
/** Beyond this erfc(x) is below the smallest double. */
const VANISHED = 27.3;
const TWO_OVER_ROOT_PI = 2 / Math.sqrt(Math.PI);

function erfSeries(x: number): number {
  const square = 2 * x * x;
  let term = x;
  let sum = x;
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= square / (2 * n + 1);
    sum += term;
  }
  return TWO_OVER_ROOT_PI * exp(-x * x) * sum;
}

function erfcFraction(x: number): number {
  let tail = x;
  for (let n = FRACTION_DEPTH; n > 0; n--) tail = x + n / 2 / tail;
  return 0.5 * TWO_OVER_ROOT_PI * expMinusSquare(x) / tail;
}

/** e^(−x²) without the error that rounding x² would bring for large x. */
function expMinusSquare(x: number): number {
  const coarse = Math.round(x * 65536) / 65536;
  return exp(-coarse * coarse) * exp(-(x - coarse) * (x + coarse));
}

/** The error function, to about 1e-15 relative. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const size = Math.abs(x);
  if (size < BORDER) return Math.sign(x) * erfSeries(size);
  return Math.sign(x) * (1 - erfc(size));
}

/** 1 − erf(x), to about 1e-14 relative also where it is tiny. */
export function erfc(x: number): number {
  if (Number.isNaN(x)) return NaN;
  if (x < BORDER) return x < 0 ? 1 + erf(-x) : 1 - erfSeries(x);
  return x > VANISHED ? 0 : erfcFraction(x);
}
