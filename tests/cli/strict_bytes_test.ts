import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { loadCheckpoint } from "../../src/model/checkpoint_file.ts";
import { Workplace } from "./small_training.ts";

/**
 * Weights after two epochs of the small model with --numerics strict, and its metrics without the run's name. They are the
 * same on every machine; a change of the kernels' rounding or of the objective changes them, and is worth a line in
 * CHANGELOG.md.
 */
const DIGESTS = {
  epsilon: {
    weights: "cb3bd270bc25f94a38a55fe703f4eb715a218788900d6de0ad1f7de4c77c0fca",
    metrics: "437df2e4cd4e7bd2cfa34c40d120fbe0c251022232dc2f324c46d04e6451a529",
  },
  vanilla: {
    weights: "8289a3239e83bdc888248dfab4eba42a5f17d86d4233e4c51600b145ba32359e",
    metrics: "56397754d5b8f4ef9866159a00245afed9836444b2aedb9731b012683a3578ee",
  },
} as const;

for (const [model, wanted] of Object.entries(DIGESTS)) {
  Deno.test(`strict numerics give the bytes that every machine gives: ${model}`, async () => {
    await using place = await Workplace.make();
    const { code, stderr } = await place.train("run", "--model", model, "--device", "cpu", "--numerics", "strict");
    assert.equal(code, 0, stderr);
    const { checkpoint: { state } } = await loadCheckpoint(join(place.folder, "run"), { prefer: "last" });
    const weights = createHash("sha256").update(state.weights.parameters).update(state.weights.buffers).digest("hex");
    const rows = (await place.read("run", "metrics.csv")).replaceAll(/^[^,]*/gm, "");
    const metrics = createHash("sha256").update(rows).digest("hex");
    assert.deepEqual({ weights, metrics }, wanted);
  });
}
