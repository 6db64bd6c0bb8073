import { PAPER_CONFIG, validateModelConfig } from "../model/config.ts";
import type { NoiseSettings } from "../model/noise.ts";
import type { AgreementCase } from "./cases.ts";

interface VanillaSizes {
  readonly d: number;
  readonly heads: number;
  readonly ffn: number;
  readonly layers: number;
  readonly lengths: readonly number[];
  readonly seed: number;
  readonly dropout?: number;
  readonly classes?: number;
  readonly scale?: number;
  readonly noise?: NoiseSettings;
}

const VOCABULARY = 37;

function vanillaCase(sizes: VanillaSizes): AgreementCase {
  const { d, heads, ffn, layers, lengths, seed, dropout = 0, classes = 2, scale = 1, noise } = sizes;
  const name = `vanilla d${d} H${heads} F${ffn} L${layers} C${classes} n${lengths.join("+")} ` +
    `dropout ${dropout} scale ${scale}${noise ? ` noise ${noise.gain} on ${noise.site}` : ""} seed ${seed}`;
  const config = validateModelConfig({
    ...PAPER_CONFIG,
    model: "vanilla",
    vocabSize: VOCABULARY,
    dModel: d,
    numHeads: heads,
    ffnDim: ffn,
    maxLayers: layers,
    numClasses: classes,
    dropout,
    maxSeqLength: Math.max(2, ...lengths),
  });
  return { name, config, lengths, dropout, seed, weightScale: scale, haltingBias: 0, ...noise && { noise } };
}

/** Sizes on either side of every edge: heads, lanes, tiles, blocks of 32 keys and 64 queries, sharp and flat softmaxes. */
const SIZES: readonly VanillaSizes[] = [
  { d: 12, heads: 2, ffn: 72, layers: 8, lengths: [17, 9, 26, 5], seed: 201 },
  { d: 12, heads: 2, ffn: 72, layers: 8, lengths: [64, 65], seed: 202, dropout: 0.1 },
  { d: 12, heads: 2, ffn: 72, layers: 8, lengths: [33, 2], seed: 203, dropout: 0.5 },
  { d: 4, heads: 4, ffn: 1, layers: 1, lengths: [1], seed: 204 },
  { d: 4, heads: 2, ffn: 5, layers: 2, lengths: [1, 2, 7], seed: 205, classes: 3 },
  { d: 6, heads: 2, ffn: 18, layers: 3, lengths: [7, 8, 9], seed: 206 },
  { d: 8, heads: 1, ffn: 5, layers: 2, lengths: [8, 1, 31], seed: 207, scale: 2 },
  { d: 10, heads: 5, ffn: 18, layers: 5, lengths: [32, 7], seed: 208, classes: 3, dropout: 0.1 },
  { d: 12, heads: 12, ffn: 5, layers: 2, lengths: [9, 1], seed: 209, dropout: 0.1 },
  { d: 12, heads: 1, ffn: 130, layers: 3, lengths: [8, 65], seed: 210, scale: 1.5 },
  { d: 14, heads: 2, ffn: 5, layers: 3, lengths: [31, 8], seed: 211, dropout: 0.5 },
  { d: 15, heads: 3, ffn: 7, layers: 2, lengths: [13, 11], seed: 212, scale: 2, dropout: 0.1 },
  { d: 20, heads: 4, ffn: 72, layers: 3, lengths: [33, 64], seed: 213, scale: 2 },
  { d: 33, heads: 11, ffn: 18, layers: 2, lengths: [7, 32], seed: 214, classes: 3, dropout: 0.1 },
  { d: 33, heads: 3, ffn: 130, layers: 2, lengths: [65, 1], seed: 215 },
  { d: 48, heads: 3, ffn: 130, layers: 2, lengths: [31, 9], seed: 216 },
  { d: 64, heads: 4, ffn: 130, layers: 1, lengths: [33, 1, 8], seed: 217, dropout: 0.1 },
  { d: 64, heads: 64, ffn: 18, layers: 1, lengths: [9], seed: 218, classes: 3 },
  { d: 12, heads: 2, ffn: 72, layers: 2, lengths: [513], seed: 219, dropout: 0.1 },
  { d: 12, heads: 2, ffn: 72, layers: 2, lengths: [127, 129], seed: 220, scale: 3 },
];

/** The vanilla model's cases. */
export const VANILLA_CASES: readonly AgreementCase[] = SIZES.map(vanillaCase);

const NOISY_SIZES: readonly VanillaSizes[] = [
  {
    d: 12,
    heads: 2,
    ffn: 72,
    layers: 3,
    lengths: [9, 2],
    seed: 221,
    dropout: 0.1,
    noise: { site: "state", gain: 0.3 },
  },
  { d: 6, heads: 2, ffn: 18, layers: 3, lengths: [7, 9], seed: 222, noise: { site: "state", gain: 1 } },
  { d: 10, heads: 5, ffn: 18, layers: 2, lengths: [9], seed: 223, noise: { site: "embedding", gain: 0.3 } },
];

/** The vanilla model's cases with noise. */
export const NOISY_VANILLA_CASES: readonly AgreementCase[] = NOISY_SIZES.map(vanillaCase);
