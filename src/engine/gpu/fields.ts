import { LATENT_SIZE, type ModelConfig } from "../../model/config.ts";
import type { Storage } from "./storage.ts";

/** Numbers of four-float groups (kernels/epsilon/sequence.wgsl). */
export interface Groups {
  /** Of a state. */
  readonly state: number;
  /** Of one head. */
  readonly head: number;
  /** Of all heads side by side. */
  readonly heads: number;
  /** Of one head's bins. */
  readonly bins: number;
  /** Of an assignment. */
  readonly assignment: number;
  readonly hidden: number;
  readonly latent: number;
}

export const fours = (count: number): number => Math.ceil(count / 4);

export function groupsOf({ dModel, numHeads, numBins, ffnDim }: ModelConfig): Groups {
  const head = fours(dModel / numHeads), bins = fours(numBins);
  return {
    state: fours(dModel),
    head,
    heads: numHeads * head,
    bins,
    assignment: numHeads * bins,
    hidden: fours(ffnDim),
    latent: numHeads * fours(LATENT_SIZE),
  };
}

/** Vectors of one sequence's bins: for each head masses, keys and values. */
export function binVectors(config: ModelConfig): number {
  const { bins, head } = groupsOf(config);
  return config.numHeads * (bins + 8 * bins * head);
}

/** Hands out consecutive places by name. */
export class Places {
  readonly places: Record<string, number> = {};

  constructor(public end = 0) {}

  take(name: string, size: number): number {
    const place = this.end;
    this.places[name] = place;
    this.end += size;
    return place;
  }
}

/** What a pass keeps: `train` everything for the backward pass, `trace` every step, `predict` only the present one. */
export type Keeping = "train" | "trace" | "predict";

/** Fields of `rows`: groups before each by override name, those of a step's record, and how many there are in all. */
export interface RowFields {
  readonly places: Readonly<Record<string, number>>;
  readonly record: number;
  /** Groups where only the present step is kept, where all are, and where there is a way back as well. */
  readonly ends: Readonly<Record<Keeping, number>>;
}

export function rowFields(config: ModelConfig, { streamVectors }: Storage): RowFields {
  const { state, heads, bins, assignment, hidden, latent } = groupsOf(config);
  const fields = new Places();
  const takeAll = (names: readonly string[], size: number) => names.forEach((name) => fields.take(`row${name}`, size));
  fields.take("rowX", state);
  takeAll(["Query", "Key", "Value"], heads);
  fields.take("rowLatent", latent);
  // In half precision a head's scores stand here before, in two places a group.
  fields.take("rowHidden", Math.max(hidden, 2 * bins));
  fields.take("rowStream", streamVectors * state);
  const first = fields.end;
  takeAll(["State", "Middle"], state);
  fields.take("rowMixed", heads);
  takeAll(["Assignment", "Attention"], assignment);
  const predict = fields.end, record = predict - first;
  // The last step's state stands where a next step's record would begin.
  fields.end = first + config.maxLayers * record + state;
  const trace = fields.end;
  takeAll(["Gradient", "Branch2", "Centred2", "Y", "Dy", "Branch1", "Centred1", "Dx"], state);
  fields.take("rowDBefore", hidden);
  takeAll(["DMixed", "DQuery", "DKey", "DValue"], heads);
  takeAll(["DScore", "Dropped", "DAssignment"], assignment);
  fields.take("rowDLatent", latent);
  fields.take("rowNoisy", state);
  return { places: fields.places, record, ends: { predict, trace, train: fields.end } };
}

/** Rows of `lists` [tokens] words. */
export const listRows = ({ maxLayers }: ModelConfig, keeping: Keeping): number =>
  keeping === "predict" ? 4 : maxLayers + 2;
