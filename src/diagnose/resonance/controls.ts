import type { ResonanceSettings } from "../../train/stochastic_resonance.ts";
import { descend, type DescentOptions, type Variant, VARIANTS } from "./descent.ts";
import { SURFACES } from "./surfaces.ts";

/** A point of a descent, among those of other surfaces, variants and seeds. */
export interface ControlRow {
  readonly surface: string;
  readonly variant: Variant["name"];
  readonly seed: number;
  readonly step: number;
  readonly gain: number;
  readonly loss: number;
  readonly distance: number;
}

export interface ControlOptions {
  readonly steps: number;
  readonly dim: number;
  readonly seeds: readonly number[];
  readonly settings?: Partial<ResonanceSettings>;
}

/** Points of a descent that are kept, besides its start. */
const KEPT = 20;

/** Descends every surface in every variant with every seed; rows at about 20 equal distances and at the end. */
export function* controlRows({ seeds, ...options }: ControlOptions): Generator<ControlRow, void, void> {
  for (const surface of SURFACES) {
    for (const variant of VARIANTS) {
      for (const seed of seeds) yield* keptRows({ ...options, surface, variant, seed });
    }
  }
}

function* keptRows(options: DescentOptions & { readonly variant: Variant }): Generator<ControlRow, void, void> {
  const { surface, variant, seed, steps } = options;
  const every = Math.ceil(steps / KEPT);
  for (const point of descend(options)) {
    if (point.step % every !== 0 && point.step !== steps) continue;
    yield { surface: surface.name, variant: variant.name, seed, ...point };
  }
}
