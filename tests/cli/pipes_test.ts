import assert from "node:assert/strict";
import { programCommand, runShell } from "./run_program.ts";
import { Workplace } from "./small_training.ts";

/** Command lines by the command that they belong to, for one whose reader leaves; `run` is a trained run. */
const PRINTING: Readonly<Record<string, readonly string[]>> = {
  "evaluate": ["run", "--device", "reference"],
  "classify": ["--device", "cpu", "--threads", "1", "A moving film.", "A dull one."],
  "export": ["run"],
  "watch": ["run"],
  "compare": ["run"],
  "diagnose": ["run", "--device", "reference", "--instruments", "confusion"],
  "report": ["run", "--json"],
  "plot": ["run", "--chart", "loss"],
  "data prepare": ["--data", "reviews.csv"],
  "data info": ["--data", "reviews.csv"],
  "verify": ["--device", "reference"],
  "doctor": ["--device", "reference"],
  "bench": ["--quick", "--device", "cpu", "--threads", "1", "--runs", "1", "--compare-threads"],
  "completions": ["bash"],
  "man": [],
  "config show train": [],
};

Deno.test("every command ends quietly, with its own code, when the reader of its result has gone", async () => {
  await using place = await Workplace.make();
  const options = { cwd: place.folder, env: place.environment };
  const quiet = async (args: readonly string[]) => {
    const { code, stderr } = await runShell('set -o pipefail; "$@" | true', args, options);
    assert.deepEqual([code, /error|at .*\.ts/.exec(stderr)], [0, null], `${args.join(" ")}: ${stderr}`);
  };
  await quiet(place.trainArguments("run"));
  for (const [command, rest] of Object.entries(PRINTING)) await quiet([...command.split(" "), ...rest]);
});

Deno.test("a verification that fails says so by its code, whoever reads the result", async () => {
  await using place = await Workplace.make();
  const options = { cwd: place.folder, env: place.environment };
  const args = ["verify", "--device", "cpu", "--threads", "1", "--tolerance", "1e-12"];
  const { code, stderr } = await runShell('set -o pipefail; "$@" | true', args, options);
  assert.equal(code, 5, stderr);
});

Deno.test(
  "a run that a signal stops exits 75, whoever reads the result",
  { ignore: Deno.build.os === "windows" },
  async () => {
    await using place = await Workplace.make();
    const child = programCommand(place.trainArguments("run", "--epochs", "100000"), {
      cwd: place.folder,
      env: { ...place.environment },
    }).spawn();
    await child.stdout.cancel();
    let stderr = "";
    for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
      if (stderr === "" || !stderr.includes("epoch 1/")) {
        stderr += text;
        if (stderr.includes("epoch 1/")) child.kill("SIGTERM");
      }
    }
    assert.equal((await child.status).code, 75, stderr);
  },
);

Deno.test("standard input that never ends is read only as far as its results are", async () => {
  await using place = await Workplace.make();
  const options = { cwd: place.folder, env: place.environment };
  const args = ["classify", "--device", "cpu", "--threads", "1"];
  for (const flags of [["-"], ["--stream"], ["--json", "-"]]) {
    const { code, stdout, stderr } = await runShell(
      'yes "a good film" | "$@" | head -n 3',
      [...args, ...flags],
      options,
    );
    assert.deepEqual([code, stdout.split("\n").length], [0, 4], stderr);
    assert.doesNotMatch(stderr, /error/);
  }
});
