import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { Workplace } from "./small_training.ts";

const ROOT = new URL("../../", import.meta.url);
const ADAPTER = new URL("src/engine/gpu/adapter.ts", ROOT).href;
const LOSING = new URL("./losing_adapter.ts", import.meta.url).href;

/** A configuration of Deno under which the program opens devices that get lost. */
async function losingConfiguration(folder: string): Promise<string> {
  const path = join(folder, "deno.json");
  const { imports, unstable, nodeModulesDir } = JSON.parse(await Deno.readTextFile(new URL("deno.json", ROOT)));
  await Deno.writeTextFile(
    path,
    JSON.stringify({
      unstable,
      nodeModulesDir,
      lock: fileURLToPath(new URL("deno.lock", ROOT)),
      imports: { ...imports, [ADAPTER]: LOSING },
      scopes: { [LOSING]: { [ADAPTER]: ADAPTER } },
    }),
  );
  return path;
}

Deno.test({
  name: "a device lost in training ends with one line, names the last checkpoint, and the run can go on elsewhere",
  ignore: !TEST_GPU,
  fn: async () => {
    await using place = await Workplace.make();
    const configuration = await losingConfiguration(place.folder);
    // The paper's sizes: for smaller ones Mesa compiles the kernels anew for every size of batch.
    const sizes = ["--d-model", "12", "--num-bins", "16", "--ffn-dim", "72", "--max-layers", "8"];
    const args = place.trainArguments("run", ...sizes, "--device", "gpu", "--checkpoint-every", "3");
    const main = fileURLToPath(new URL("main.ts", ROOT));
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--config", configuration, main, ...args],
      cwd: place.folder,
      env: { ...place.environment, NO_COLOR: "1", LOSE_DEVICE_AFTER: "8" },
    }).output();
    const text = new TextDecoder().decode(stderr);
    assert.equal(code, 1, text);
    assert.equal(stdout.length, 0);
    const errors = text.split("\n").filter((line) => /^error|^ {4}at /.test(line));
    assert.equal(errors.length, 1, text);
    assert.match(
      errors[0],
      /^error: Cannot go on with the GPU: the device was lost: .*; the last good checkpoint is run.last\.safetensors\. .* Then go on with epsilon train --resume run\.$/,
    );
    assert.equal(JSON.parse(await place.read("run", "run.json")).outcome, "failed");
    const resumed = await place.run("train", "--resume", "run", "--device", "cpu", "--data", "reviews.csv");
    assert.equal(resumed.code, 0, resumed.stderr);
    assert.equal(JSON.parse(await place.read("run", "run.json")).outcome, "finished");
    const steps = (await place.read("run", "metrics.csv")).split("\n").filter((row) => /,,train,loss,/.test(row))
      .map((row) => Number(row.split(",")[1]));
    assert.deepEqual(steps, Array.from({ length: 14 }, (_, k) => k + 1));
  },
});
