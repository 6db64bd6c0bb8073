import assert from "node:assert/strict";
import { headerAddress } from "../../kernels/header.ts";
import { dropoutKey, DropoutMask, DropoutSite, dropoutThreshold } from "../../src/model/dropout.ts";
import { compileFunctions, FREE_ADDRESS } from "./kernel_functions.ts";

const LANES = 8;
const KEY = FREE_ADDRESS, POSITIONS = FREE_ADDRESS + 64, FACTORS = FREE_ADDRESS + 128;

/** Not in order, and as far as a sequence may reach. */
const PLACES = [0, 1, 7, 8, 511, 65_535, 16_383, 4_194_303];

for (const numerics of ["fast", "strict"] as const) {
  const functions = compileFunctions(`export { dropoutMask } from "./simd/dropout.as";`, numerics);

  Deno.test(`kernels drop exactly the values that the definition drops: ${numerics}`, async () => {
    const { memory, call } = await functions;
    const view = new DataView(memory.buffer);
    new Uint32Array(memory.buffer, POSITIONS, LANES).set(PLACES);
    for (const probability of [1e-5, 0.1, 0.5, 0.99]) {
      const threshold = dropoutThreshold(probability);
      view.setInt32(headerAddress("dropoutThreshold"), threshold, true);
      view.setFloat32(headerAddress("dropoutScale"), 1 / (1 - threshold / 65536), true);
      for (const [seed, optimizerStep, sequence] of [[42, 0, 0], [2 ** 53 - 1, 17_600, 31], [7, 2 ** 32 - 1, 69_999]]) {
        const key = dropoutKey(seed, optimizerStep, sequence);
        new Uint32Array(memory.buffer, KEY, 2).set(key);
        const mask = new DropoutMask(key, probability);
        for (const site of Object.values(DropoutSite)) {
          for (const step of [0, 1, 63]) {
            for (const rows of [1, 2, 7, 8, 9, 72, 130]) {
              call("dropoutMask", FACTORS, POSITIONS, KEY, site, step, rows);
              const found = new Float32Array(memory.buffer, FACTORS, rows * LANES);
              PLACES.forEach((position, lane) => {
                const wanted = new Float64Array(rows);
                mask.fill(wanted, rows, site, position, step);
                for (let row = 0; row < rows; row++) {
                  if (found[row * LANES + lane] !== Math.fround(wanted[row])) {
                    assert.fail(`p ${probability}, site ${site}, step ${step}, row ${row}, position ${position}`);
                  }
                }
              });
            }
          }
        }
      }
    }
  });
}
