import { LATENT_SIZE, type ModelConfig } from "../../model/config.ts";

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

/** Fields of `rows` (groups before each, by override name) and how many there are. */
export function rowFields(config: ModelConfig, keeping: Keeping): Places {
  const { state, heads, assignment, hidden, latent } = groupsOf(config);
  const steps = keeping === "predict" ? 1 : config.maxLayers;
  const fields = new Places();
  fields.take("rowState", state * (keeping === "predict" ? 1 : steps + 1));
  fields.take("rowMiddle", state * steps);
  fields.take("rowMixed", heads * steps);
  fields.take("rowAssignment", assignment * steps);
  fields.take("rowAttention", assignment * steps);
  fields.take("rowX", state);
  fields.take("rowQuery", heads);
  fields.take("rowKey", heads);
  fields.take("rowValue", heads);
  fields.take("rowLatent", latent);
  fields.take("rowHidden", hidden);
  const forwardEnd = fields.end;
  const backward: [string, number][] = [
    ...["rowGradient", "rowBranch2", "rowCentred2", "rowY", "rowDy"].map((name): [string, number] => [name, state]),
    ["rowDBefore", hidden],
    ...["rowBranch1", "rowCentred1", "rowDx"].map((name): [string, number] => [name, state]),
    ...["rowDMixed", "rowDQuery", "rowDKey", "rowDValue"].map((name): [string, number] => [name, heads]),
    ...["rowDScore", "rowDropped", "rowDAssignment"].map((name): [string, number] => [name, assignment]),
    ["rowDLatent", latent],
    ["rowNoisy", state],
  ];
  for (const [name, size] of backward) fields.take(name, size);
  if (keeping !== "train") fields.end = forwardEnd;
  return fields;
}

/** Vectors of a token's row in `rows`. */
export const rowVectors = (config: ModelConfig, keeping: Keeping): number => rowFields(config, keeping).end;

/** Rows of `lists` [tokens] words. */
export const listRows = ({ maxLayers }: ModelConfig, keeping: Keeping): number =>
  keeping === "predict" ? 4 : maxLayers + 2;
