import assert from "node:assert/strict";
import { headerAddress } from "../../kernels/header.ts";
import { dropoutKey } from "../../src/model/dropout.ts";
import { StateNoise } from "../../src/model/noise.ts";
import { normalQuantiles, QUANTILES } from "../../src/model/normal_quantiles.ts";
import { compileFunctions, FREE_ADDRESS } from "./kernel_functions.ts";

const LANES = 8;
const KEY = FREE_ADDRESS, POSITIONS = FREE_ADDRESS + 64, EPSILON = FREE_ADDRESS + 128;
const TABLE = FREE_ADDRESS + 65536;

/** Not in order, and as far as a sequence may reach. */
const PLACES = [0, 1, 7, 8, 511, 65_535, 16_383, 4_194_303];

for (const numerics of ["fast", "strict"] as const) {
  const functions = compileFunctions(`export { drawNoise } from "./noise/noise.as";`, numerics);

  Deno.test(`kernels draw exactly the noise of the definition: ${numerics}`, async () => {
    const { memory, call } = await functions;
    const view = new DataView(memory.buffer);
    new Uint32Array(memory.buffer, POSITIONS, LANES).set(PLACES);
    new Float32Array(memory.buffer, TABLE, QUANTILES).set(normalQuantiles());
    view.setUint32(headerAddress("normalQuantiles"), TABLE, true);
    for (const [seed, optimizerStep, sequence] of [[42, 0, 0], [2 ** 53 - 1, 17_600, 31], [7, 2 ** 32 - 1, 69_999]]) {
      const key = dropoutKey(seed, optimizerStep, sequence);
      new Uint32Array(memory.buffer, KEY, 2).set(key);
      const noise = new StateNoise(key, { site: "state", gain: 1 });
      for (const step of [0, 1, 63]) {
        for (const features of [2, 7, 8, 9, 72, 1024]) {
          view.setInt32(headerAddress("dModel"), features, true);
          call("drawNoise", EPSILON, POSITIONS, KEY, step);
          const found = new Float32Array(memory.buffer, EPSILON, features * LANES);
          PLACES.forEach((position, lane) => {
            const wanted = new Float64Array(features);
            noise.fill(wanted, position, step);
            for (let r = 0; r < features; r++) {
              if (found[r * LANES + lane] !== wanted[r]) {
                assert.fail(`step ${step}, feature ${r} of ${features}, position ${position}`);
              }
            }
          });
        }
      }
    }
  });
}
