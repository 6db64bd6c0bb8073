import assert from "node:assert/strict";
import { ALL_CASES } from "../../src/engine/cases.ts";
import { disagreements, type ExpectedCase, expectedCase } from "./agreement.ts";
import { ENGINES } from "./engines.ts";

/** Float32 arithmetic moves a probability by about 1e-6; closer ties could fall otherwise on another processor. */
const SAFE_MARGIN = 1e-5;

/** Where every sigmoid is 1 in float32, the distance is that of 1 from the threshold. */
const SATURATED_MARGIN = 5e-7;

const computed = new Map<string, Promise<ExpectedCase>>();

for (const agreement of ALL_CASES) {
  const { name } = agreement;
  const expected = () => {
    const found = computed.get(name) ?? expectedCase(agreement);
    computed.set(name, found);
    return found;
  };

  for (const engine of ENGINES) {
    if (engine.seeds?.includes(agreement.seed) === false) continue;
    Deno.test({
      name: `${engine.name} agrees with the reference within ${engine.tolerance}: ${name}`,
      ignore: engine.ignore,
      fn: async () => {
        const opened = await engine.open(agreement.config);
        try {
          const faults = await disagreements(opened, await expected(), engine.tolerance);
          assert.deepEqual(faults, [], `to reproduce: deno test -A tests/engine/agreement_test.ts --filter "${name}"`);
        } finally {
          await opened.close();
        }
      },
    });
  }

  Deno.test(`no halting decision is a tie in any step, and clipping has work to do: ${name}`, async () => {
    const { margin, settings, results } = await expected();
    assert(margin >= (agreement.haltingBias > 14 ? SATURATED_MARGIN : SAFE_MARGIN), `margin ${margin}`);
    assert(results.steps[0].gradNorm > settings.clipGradNorm);
  });
}
