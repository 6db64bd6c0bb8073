import assert from "node:assert/strict";
import { join } from "node:path";
import { DataError } from "../../src/errors.ts";
import { predictionsCsv, readPredictions } from "../../src/metrics/predictions_csv.ts";
import { withFolder } from "../cli/run_program.ts";

const PLACE = { run: "a", step: 7, epoch: 1, split: "validation", dataSha256: "0123456789abcdef".repeat(4) };

async function write(path: string, logits: readonly number[], labels: readonly number[]): Promise<void> {
  const outputs = { logits: Float64Array.from(logits), labels: Uint32Array.from(labels) };
  const file = await Deno.open(path, { write: true, create: true, truncate: true });
  for (const piece of predictionsCsv(PLACE, labels.map((_, i) => 3 * i), outputs)) await file.write(piece);
  file.close();
}

Deno.test("predictions come back as they were made; what is not finite is missing", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "predictions.csv");
    await write(path, [0, Math.log(3), 2, 1, NaN, 1, 5, 5], [1, 1, 0, 0]);
    const text = await Deno.readTextFile(path);
    assert.match(text, /^run,step,epoch,split,data,review,label,predicted,probability\n/);
    assert.match(text, /\na,7,1,validation,0123456789ab,0,1,1,0\.75\n/);
    assert.match(text, /,6,0,,\n/);
    const read = await Array.fromAsync(readPredictions(path));
    assert.deepEqual(read.map(({ review, label, predicted }) => [review, label, predicted]), [
      [0, 1, 1],
      [3, 1, 0],
      [6, 0, null],
      [9, 0, 0],
    ]);
    await Deno.writeTextFile(path, text.slice(0, -5));
    assert.equal((await Array.fromAsync(readPredictions(path))).length, 3);
  });
});

Deno.test("a broken predictions file is refused with its line", async () => {
  await withFolder(async (folder) => {
    const path = join(folder, "predictions.csv");
    const header = "run,step,epoch,split,data,review,label,predicted,probability\n";
    for (
      const [text, pattern] of [
        ["", /line 1: header is "nothing"/],
        ["run,step\n", /line 1: header/],
        [`${header}a,1,1,test,00,x,1,1,0.5\n`, /line 2: review is "x"/],
        [`${header}a,1,1,test,00,1,-1,1,0.5\n`, /line 2: label/],
      ] as const
    ) {
      await Deno.writeTextFile(path, text);
      await assert.rejects(Array.fromAsync(readPredictions(path)), (error) => {
        assert.ok(error instanceof DataError);
        assert.match(error.message, pattern);
        return true;
      });
    }
  });
});
