import { log } from "../../model/elementary.ts";

/** −Σ p ln p of the `count` probabilities at `at`, in nats; zeros count nothing. */
export function entropyOf(probabilities: ArrayLike<number>, at = 0, count = probabilities.length): number {
  let entropy = 0;
  for (let k = at; k < at + count; k++) {
    const p = probabilities[k];
    if (p !== 0) entropy -= p * log(p);
  }
  // −Σ of a certain outcome is −0.
  return entropy === 0 ? 0 : entropy;
}

/** Nats as bits. */
export function bits(nats: number): number {
  return nats / Math.LN2;
}
