import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { TEST_GPU } from "../engine/gpu_adapter.ts";
import { OWN_GOLDENS } from "../model/golden_files.ts";
import { runProgram, withFolder } from "./run_program.ts";
import { writeSmallCheckpoint } from "./small_model.ts";
import { Workplace } from "./small_training.ts";

/** Hides every driver from the program. */
const NO_ADAPTER = { VK_ICD_FILENAMES: "/nonexistent", __EGL_VENDOR_LIBRARY_FILENAMES: "/nonexistent" };

const FEW_STEPS = ["--epochs", "1", "--limit-batches", "2"];

const WARNING = "--precision f16 needs a GPU: computing in single precision on the CPU.";

const warnings = (stderr: string) => stderr.split("\n").filter((line) => line.startsWith("warning:"));

/** A line of `epsilon verify --json`. */
interface Value {
  readonly quantity: string;
  readonly error: number;
  readonly tolerance: number;
}

/** Runs `epsilon verify --device gpu --json` with `flags` on one golden file. */
async function verifyOne(
  file: string,
  ...flags: string[]
): Promise<{ device: string; pass: boolean; values: Value[] }> {
  let document = "";
  await withFolder(async (folder) => {
    await copyFile(`${OWN_GOLDENS}/${file}`, `${folder}/${file}`);
    const { code, stdout, stderr } = await runProgram(["verify", "--goldens", folder, "--json", ...flags]);
    assert.deepEqual([code, stderr], [0, ""]);
    document = stdout;
  });
  return JSON.parse(document);
}

for (
  const [what, flags] of [
    ["--device cpu", ["--device", "cpu"]],
    ["--device reference", ["--device", "reference"]],
    ["--numerics strict", ["--numerics", "strict"]],
  ] as const
) {
  Deno.test(`half precision with ${what} is a usage error, before any data is read`, async () => {
    const args = ["train", "--data", "missing.csv", "--precision", "f16", ...flags];
    const { code, stdout, stderr } = await runProgram(args);
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, new RegExp(`^error: Cannot compute in half precision with ${what}: .*--device gpu`));
  });
}

Deno.test({
  name: "half precision where auto finds no GPU is computed in single precision on the CPU, and one line says so",
  ignore: Deno.build.os !== "linux",
  fn: async () => {
    await withFolder(async (folder) => {
      const checkpoint = `${folder}/small.safetensors`;
      await writeSmallCheckpoint(checkpoint);
      const classify = ["classify", "--checkpoint", checkpoint, "A film.", "--json"];
      const half = await runProgram([...classify, "--precision", "f16"], { env: NO_ADAPTER });
      assert.equal(half.code, 0, half.stderr);
      assert.deepEqual(warnings(half.stderr), [`warning: ${WARNING}`]);
      const usual = await runProgram([...classify, "--device", "cpu"]);
      assert.equal(half.stdout, usual.stdout);
      const verified = await runProgram(["verify", "--precision", "f16"], { env: NO_ADAPTER });
      assert.equal(verified.code, 0, verified.stderr);
      assert.deepEqual(warnings(verified.stderr), [`warning: ${WARNING}`]);
    });
  },
});

Deno.test({
  name: "verify on the GPU in half precision allows 2e-2, and has errors that single precision has not",
  ignore: !TEST_GPU,
  fn: async () => {
    const { device, pass, values } = await verifyOne("vanilla-odd.json", "--device", "gpu", "--precision", "f16");
    assert.match(device, /^GPU, .+, half precision$/);
    assert.equal(pass, true);
    const gradients = values.filter(({ quantity }) => quantity.startsWith("gradient "));
    assert(gradients.length > 40);
    for (const { quantity, error, tolerance } of gradients) {
      assert.equal(tolerance, 2e-2);
      assert(error > 1e-5, `${quantity}: ${error}`);
    }
  },
});

Deno.test({
  name:
    "a run in half precision is recorded as such, is repeated to the byte, and within a tolerance where there is none",
  ignore: !TEST_GPU,
  fn: async () => {
    await using place = await Workplace.make();
    const trained = await place.train("run", "--device", "gpu", "--precision", "f16", ...FEW_STEPS);
    assert.equal(trained.code, 0, trained.stderr);
    const record = JSON.parse(await place.read("run", "run.json"));
    assert.match(record.arithmetic, /^GPU, .+, half precision$/);
    assert.deepEqual(record.configuration.precision, { value: "f16", origin: "flag" });
    const repeated = await place.run("verify", "run", "--json");
    assert.equal(repeated.code, 0, repeated.stderr);
    assert.equal(JSON.parse(repeated.stdout).comparison, "bytes");
    const few = ["--steps", "1", "--tolerance", "0.02", "--json"];
    const single = await place.run("verify", "run", "--precision", "f32", ...few);
    assert.equal(single.code, 0, single.stderr);
    assert.match(JSON.parse(single.stdout).device, /^GPU, (?!.*half)/);
    const onCpu = await place.run("verify", "run", "--device", "cpu", ...few);
    assert.equal(onCpu.code, 0, onCpu.stderr);
  },
});

Deno.test({
  name: "a number too large for half precision ends a run in one line, and it goes on in single precision from there",
  ignore: !TEST_GPU,
  fn: async () => {
    await using place = await Workplace.make();
    const large = ["--learning-rate", "30", "--epochs", "1"];
    const half = await place.train("run", "--device", "gpu", "--precision", "f16", ...large);
    assert.equal(half.code, 1, half.stderr);
    const [line] = half.stderr.split("\n").filter((line) => line.startsWith("error:"));
    assert.match(
      line,
      /^error: Training stopped: the .+ is not finite after \d+ optimizer steps; .+safetensors\. Half precision ends at 65504: go on with --resume and --precision f32, or lower --learning-rate\.$/,
    );
    const single = await place.run("train", "--resume", "run", "--precision", "f32");
    assert.equal(single.code, 0, single.stderr);
    const { outcome, resumed } = JSON.parse(await place.read("run", "run.json"));
    assert.equal(outcome, "finished");
    assert.doesNotMatch(resumed.at(-1).arithmetic, /half/);
  },
});
