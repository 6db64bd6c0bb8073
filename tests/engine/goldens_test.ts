import assert from "node:assert/strict";
import { verifyGolden } from "../../src/engine/verification.ts";
import { goldenPaths, readGolden } from "../../src/model/golden.ts";
import { HAS_INDEPENDENT_GOLDENS, INDEPENDENT_GOLDENS, OWN_GOLDENS } from "../model/golden_files.ts";
import { HALTING_MODES, MODELS } from "../../src/model/config.ts";
import { NOISE_SITES } from "../../src/model/noise.ts";
import { ENGINES, type EngineUnderTest } from "./engines.ts";

/** Compares every golden file of `folder`; returns how many there were. */
async function verifyFolder(folder: string, engine: EngineUnderTest): Promise<number> {
  let files = 0;
  for (const path of await goldenPaths(folder)) {
    const golden = await readGolden(path);
    files++;
    const rows = await verifyGolden(golden, engine.open, { tolerance: engine.tolerance });
    assert.deepEqual(rows.filter((row) => !row.pass), []);
  }
  return files;
}

for (const engine of ENGINES) {
  const { name, tolerance, ignore } = engine;
  Deno.test({
    name: `${name} reproduces the independent golden values within ${tolerance}`,
    ignore: ignore || !HAS_INDEPENDENT_GOLDENS,
    fn: async () => assert(await verifyFolder(INDEPENDENT_GOLDENS, engine) >= 3 + MODELS.length),
  });

  Deno.test({
    name: `${name} reproduces the golden values that come with the program within ${tolerance}`,
    ignore,
    fn: async () => {
      const wanted = 1 + HALTING_MODES.length + NOISE_SITES.length + MODELS.length;
      assert.equal(await verifyFolder(OWN_GOLDENS, engine), wanted);
    },
  });
}
