import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { Workplace } from "./small_training.ts";
import { metricsOf, stopAfter } from "./stopped_program.ts";

const SAMPLE = fileURLToPath(new URL("../../fixtures/sample-reviews.csv", import.meta.url));

Deno.test({
  name: "a run goes from the CPU to the GPU and back by its folder, and every metric is within 1e-3 of the CPU's alone",
  ignore: !TEST_GPU || Deno.build.os !== "linux",
  async fn() {
    await using place = await Workplace.make();
    const flags = ["--epochs", "40", "--device", "cpu", "--threads", "1"];
    const whole = await place.train("whole", ...flags);
    assert.equal(whole.code, 0, whole.stderr);
    const first = await stopAfter(place, place.trainArguments("cut", ...flags), /epoch 1\/40/, "SIGTERM");
    assert.equal(first.code, 75, first.stderr);
    const onGpu = ["train", "--resume", "cut", "--device", "gpu"];
    const second = await stopAfter(place, onGpu, /epoch \d+\/40/, "SIGINT");
    assert.equal(second.code, 130, second.stderr);
    const judged = await place.run("evaluate", "cut/last.safetensors", "--device", "reference", "--json");
    assert.equal(judged.code, 0, judged.stderr);
    const third = await place.run("train", "--resume", "cut", "--device", "cpu", "--threads", "1");
    assert.equal(third.code, 0, third.stderr);
    const { resumed, outcome } = JSON.parse(await place.read("cut", "run.json"));
    assert.equal(outcome, "finished");
    assert.deepEqual(resumed.map(({ device }: { device: string }) => device.slice(0, 3)), ["GPU", "CPU"]);
    const [found, wanted] = [await metricsOf(place, "cut"), await metricsOf(place, "whole")];
    // Nothing is missing, nothing stands twice, and the order is the same.
    assert.deepEqual(found.map(([key]) => key), wanted.map(([key]) => key));
    const far = wanted.filter(([, value], r) => !(Math.abs(found[r][1] - value) <= 1e-3));
    assert.deepEqual(far, []);
  },
});

Deno.test({
  name: "Ctrl-C in the middle of an epoch on the GPU saves at once: within a second's work of the machine",
  ignore: !TEST_GPU || Deno.build.os !== "linux",
  async fn() {
    await using place = await Workplace.make();
    const flags = ["--data", SAMPLE, "--out", "run", "--device", "gpu", "--epochs", "1000", "--progress", "json"];
    // Not in the first steps, in which kernels are compiled.
    const stopped = await stopAfter(place, ["train", ...flags], /training","done":\d\d/, "SIGINT");
    assert.equal(stopped.code, 130, stopped.stderr);
    assert(stopped.seconds <= navigator.hardwareConcurrency, `${stopped.seconds} s`);
    const { outcome } = JSON.parse(await place.read("run", "run.json"));
    assert.equal(outcome, "interrupted");
    const judged = await place.run("evaluate", "run/last.safetensors", "--device", "cpu", "--data", SAMPLE, "--json");
    assert.equal(judged.code, 0, judged.stderr);
  },
});
