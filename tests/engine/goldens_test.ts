import assert from "node:assert/strict";
import { TOLERANCES, verifyGolden } from "../../src/engine/verification.ts";
import { goldenPaths, readGolden } from "../../src/model/golden.ts";
import { HAS_INDEPENDENT_GOLDENS, INDEPENDENT_GOLDENS, OWN_GOLDENS } from "../model/golden_files.ts";
import { ENGINES } from "./engines.ts";

/** Compares every golden file of `folder`; returns how many there were, vanilla ones aside. */
async function verifyFolder(folder: string, createEngine: Parameters<typeof verifyGolden>[1]): Promise<number> {
  let files = 0;
  for (const path of await goldenPaths(folder)) {
    const golden = await readGolden(path);
    if (golden.kind === "vanilla") continue;
    const rows = await verifyGolden(golden, createEngine, { tolerance: TOLERANCES.float32 });
    assert.deepEqual(rows.filter((row) => !row.pass), []);
    files++;
  }
  return files;
}

for (const { name, open, ignore } of ENGINES) {
  Deno.test({
    name: `${name} reproduces the independent golden values within 1e-4`,
    ignore: ignore || !HAS_INDEPENDENT_GOLDENS,
    fn: async () => assert(await verifyFolder(INDEPENDENT_GOLDENS, open) >= 4),
  });

  Deno.test({
    name: `${name} reproduces the golden values that come with the program within 1e-4`,
    ignore,
    fn: async () => assert.equal(await verifyFolder(OWN_GOLDENS, open), 4),
  });
}
