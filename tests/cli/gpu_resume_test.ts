import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { parseCsv } from "../../src/libraries/csv.ts";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { Workplace } from "./small_training.ts";

const SAMPLE = fileURLToPath(new URL("../../fixtures/sample-reviews.csv", import.meta.url));

/** Starts the program, sends `signal` once it has said `text`, and returns how it ended and what it said. */
async function stopAfter(place: Workplace, args: readonly string[], text: RegExp, signal: Deno.Signal) {
  const child = place.spawn(args);
  const decoder = new TextDecoder();
  const stdout = new Response(child.stdout).text();
  const used = { atSignal: NaN, atEnd: NaN };
  let stderr = "", polling: ReturnType<typeof setInterval> | undefined;
  for await (const bytes of child.stderr) {
    stderr += decoder.decode(bytes, { stream: true });
    if (polling !== undefined || !text.test(stderr)) continue;
    used.atSignal = await processorSeconds(child.pid) ?? NaN;
    polling = setInterval(async () => used.atEnd = await processorSeconds(child.pid) ?? used.atEnd, 10);
    child.kill(signal);
  }
  const { code } = await child.status;
  clearInterval(polling);
  return { code, stderr, stdout: await stdout, seconds: used.atEnd - used.atSignal };
}

/** Time that a process has spent on processors, which a busy machine does not lengthen; undefined when it has ended. */
async function processorSeconds(pid: number): Promise<number | undefined> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`).catch(() => undefined);
  if (stat === undefined) return undefined;
  // Fields 14 and 15 of proc(5), counted from the third behind the name, in hundredths of a second.
  const [user, system] = stat.slice(stat.lastIndexOf(")") + 2).split(" ").slice(11, 13);
  return (Number(user) + Number(system)) / 100;
}

/** Rows of a run's metrics: `split/metric/step` and the value. */
async function metricsOf(place: Workplace, run: string): Promise<[key: string, value: number][]> {
  const rows: [string, number][] = [];
  for await (const { values } of parseCsv(await place.read(run, "metrics.csv"), { name: "metrics.csv" })) {
    const [, step, , split, metric, value] = values;
    if (step !== "step") rows.push([`${split}/${metric}/${step}`, value === "" ? NaN : Number(value)]);
  }
  return rows;
}

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
