import { exp } from "../../model/elementary.ts";
import type { RandomStream } from "../../model/random.ts";

/** A loss of known optimum, to be descended coordinate by coordinate: means over the coordinates throughout. */
export interface Surface {
  readonly name: string;
  /** How the chart and the tables call it, in words. */
  readonly title: string;
  /** Where a descent starts [dim]. */
  readonly start: (dim: number, stream: RandomStream) => Float64Array;
  /** The point of least loss [dim], drawn for surfaces that have none of their own. */
  readonly optimum: (dim: number, stream: RandomStream) => Float64Array;
  /** Loss of one coordinate. */
  readonly loss: (x: number, optimum: number) => number;
  /** Its derivative by x: what a step follows. */
  readonly slope: (x: number, optimum: number) => number;
}

const normals = (deviation: number, mean = 0) => (dim: number, stream: RandomStream) =>
  Float64Array.from({ length: dim }, () => mean + deviation * stream.normal());

/** Width of the plateau's hollow, against starts of deviation 1: most coordinates start where it is all but flat. */
const HOLLOW = 0.3;

/** Tilt of the double well, and where its lower well lies: the least root of x³ − x + tilt. */
const TILT = 0.1;
const LOWER_WELL = -1.0466805318046022;

/** The double well's loss at its lower well, so that its least loss is 0. */
const LOWEST = 0.25 * (LOWER_WELL * LOWER_WELL - 1) * (LOWER_WELL * LOWER_WELL - 1) + TILT * LOWER_WELL;

/** The surfaces of the benchmark and of its controls. */
export const SURFACES: readonly Surface[] = [
  {
    name: "quadratic",
    title: "quadratic bowl (published)",
    start: normals(1),
    optimum: normals(0.1),
    loss: (x, optimum) => 0.5 * (x - optimum) * (x - optimum),
    slope: (x, optimum) => x - optimum,
  },
  {
    name: "plateau",
    title: "plateau with a hollow",
    start: normals(1),
    optimum: normals(0.1),
    loss: (x, optimum) => 1 - exp(-0.5 * (x - optimum) * (x - optimum) / (HOLLOW * HOLLOW)),
    slope: (x, optimum) => {
      const distance = x - optimum;
      return distance / (HOLLOW * HOLLOW) * exp(-0.5 * distance * distance / (HOLLOW * HOLLOW));
    },
  },
  {
    name: "double-well",
    title: "double well, start in the higher one",
    start: normals(0.1, 1),
    optimum: (dim) => new Float64Array(dim).fill(LOWER_WELL),
    loss: (x) => 0.25 * (x * x - 1) * (x * x - 1) + TILT * x - LOWEST,
    slope: (x) => x * x * x - x + TILT,
  },
];
