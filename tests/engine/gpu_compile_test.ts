import process from "node:process";
import assert from "node:assert/strict";
import { GpuModel } from "../../src/engine/gpu/model.ts";
import { PAPER_CONFIG } from "../../src/model/config.ts";
import { settledWeights, stepSettings, uniformBatch } from "../../src/diagnose/benchmark/workload.ts";
import { TEST_GPU } from "./gpu_adapter.ts";

/** Five seconds for each pipeline of a training step: forward, backward, reduce, adamw. */
const COMPILE_MILLISECONDS = 4 * 5000;

Deno.test({
  name: "the paper's four pipelines compile in twenty seconds at most, and batches of other sizes find them compiled",
  ignore: !TEST_GPU,
  fn: async () => {
    const model = await GpuModel.open(PAPER_CONFIG);
    /** Milliseconds of processor time for a pass and a training step. */
    const spend = async (sequences: number, tokens: number): Promise<number> => {
      const batch = uniformBatch(PAPER_CONFIG, sequences, tokens);
      const before = process.cpuUsage();
      await model.predict(batch, { want: "everything", klScale: 1 });
      await model.trainSteps([{ batch, settings: stepSettings(0.1) }]);
      const { user, system } = process.cpuUsage(before);
      return (user + system) / 1000;
    };
    try {
      model.upload({ weights: settledWeights(PAPER_CONFIG) });
      // Nothing to speak of where the driver has them in a cache; a new machine has none.
      const first = await spend(2, 16);
      assert(first < COMPILE_MILLISECONDS, `${first} ms for the first step`);
      const again = await spend(2, 16);
      // So little work takes milliseconds; to compile a pipeline anew takes thousands.
      for (const [sequences, tokens] of [[3, 16], [2, 17], [5, 9], [1, 40], [7, 4]]) {
        const spent = await spend(sequences, tokens);
        assert(spent < 10 * again + 500, `${sequences} x ${tokens}: ${spent} ms, ${again} ms for a size met before`);
      }
    } finally {
      model.close();
    }
  },
});
