import assert from "node:assert/strict";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { Workplace } from "./small_training.ts";
import { metricsOf, stopAfter } from "./stopped_program.ts";

const HALF = ["--device", "gpu", "--precision", "f16"];
const FLAGS = ["--epochs", "30", ...HALF];

const TOLERANCE = 2e-2;

/** Losses of a checkpoint, as `evaluate --json` tells them. */
async function judge(place: Workplace, checkpoint: string, device: readonly string[]): Promise<Record<string, number>> {
  const { code, stdout, stderr } = await place.run("evaluate", checkpoint, "--json", ...device);
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

Deno.test({
  name: "a run in half precision that was stopped in its middle ends with the bytes of one that was not, " +
    "and goes to the CPU and back",
  ignore: !TEST_GPU || Deno.build.os !== "linux",
  async fn() {
    await using place = await Workplace.make();
    const whole = await place.train("whole", ...FLAGS);
    assert.equal(whole.code, 0, whole.stderr);
    const wanted = await metricsOf(place, "whole");
    const stopped = await stopAfter(place, place.trainArguments("cut", ...FLAGS), /epoch 1\/30/, "SIGTERM");
    assert.equal(stopped.code, 75, stopped.stderr);
    await cp(join(place.folder, "cut"), join(place.folder, "moved"), { recursive: true });

    const resumed = await place.run("train", "--resume", "cut");
    assert.equal(resumed.code, 0, resumed.stderr);
    const [found, files] = [await place.snapshot("cut"), await place.snapshot("whole")];
    for (const name of ["last.safetensors", "best.safetensors", "metrics.csv"]) {
      assert.equal(found.get(name), files.get(name), name);
    }

    const last = "moved/last.safetensors";
    const [onCpu, onGpu] = [await judge(place, last, ["--device", "cpu"]), await judge(place, last, HALF)];
    for (const key of ["loss", "task_loss", "kl_loss", "entropy_loss"]) {
      assert.notEqual(onCpu[key], onGpu[key], key);
      assert(Math.abs(onCpu[key] / onGpu[key] - 1) <= TOLERANCE, `${key}: ${onCpu[key]}, ${onGpu[key]}`);
    }
    const there = await stopAfter(place, ["train", "--resume", "moved", "--device", "cpu"], /epoch \d+\/30/, "SIGTERM");
    assert.equal(there.code, 75, there.stderr);
    const back = await place.run("train", "--resume", "moved", ...HALF);
    assert.equal(back.code, 0, back.stderr);
    const { resumed: devices, outcome } = JSON.parse(await place.read("moved", "run.json"));
    assert.equal(outcome, "finished");
    assert.deepEqual(devices.map(({ device }: { device: string }) => /^CPU|half precision$/.exec(device)?.[0]), [
      "CPU",
      "half precision",
    ]);
    const moved = await metricsOf(place, "moved");
    assert.deepEqual(moved.map(([key]) => key), wanted.map(([key]) => key));
    assert.deepEqual(moved.filter(([, value], r) => !(Math.abs(value - wanted[r][1]) <= TOLERANCE)), []);
  },
});
