import { Purpose, RandomStream } from "../../model/random.ts";

/** Keeps the sample apart from the random directions, which are numbered by reviews. */
const SAMPLE = 0xffff_ffff;

/** Places 0 … reviews − 1 in a random order that the seed determines; a sample is its beginning. */
export function sampleOrder(reviews: number, seed: number): Uint32Array {
  return new RandomStream(seed, Purpose.diagnosis, SAMPLE).shuffle(Uint32Array.from({ length: reviews }, (_, r) => r));
}
