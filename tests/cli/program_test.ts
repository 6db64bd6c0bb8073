import assert from "node:assert/strict";
import { VERSION } from "../../src/version.ts";
import { runProgram, runShell } from "./run_program.ts";

Deno.test("--version prints the version on standard output", async () => {
  for (const flag of ["--version", "-V"]) {
    assert.deepEqual(await runProgram([flag]), { code: 0, stdout: `${VERSION}\n`, stderr: "" });
  }
});

Deno.test("--help prints the commands, and a command's --help its options and defaults", async () => {
  const program = await runProgram(["--help"]);
  assert.equal(program.code, 0);
  assert.equal(program.stderr, "");
  for (const name of ["train", "evaluate", "classify", "export", "data", "verify"]) {
    assert.match(program.stdout, new RegExp(`^  ${name}\\b`, "m"));
    const command = await runProgram([name, "--help"]);
    assert.equal(command.code, 0);
    assert.ok(command.stdout.startsWith(`Usage: epsilon ${name}`));
  }
  const train = (await runProgram(["train", "--help"])).stdout.replaceAll(/\s+/g, " ");
  assert.match(train, /--target-halting-mean <x> [^-]*\(default: 3\)/);
  assert.match(train, /--learning-rate <x> [^-]*\(default: 0\.0003\)/);
  assert.match(train, /--config <file>/);
  for (const args of [["data", "fetch", "--help"], ["help", "data", "fetch"], ["data", "help", "fetch"]]) {
    assert.match((await runProgram(args)).stdout, /^Usage: epsilon data fetch/);
  }
});

Deno.test("no command is a usage error", async () => {
  for (const args of [[], ["data"]]) {
    const { code, stdout, stderr } = await runProgram(args);
    assert.equal(code, 2);
    assert.equal(stdout, "");
    assert.match(stderr, /^error: Cannot choose what to do: no command was given\. Run epsilon.* --help/);
  }
});

Deno.test("a mistyped command or flag is a usage error that names the nearest", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["trian"], /Did you mean train\?/],
    [["data", "fecth"], /Did you mean fetch\?/],
    [["train", "--epoch", "3"], /Did you mean --epochs\?/],
    [["train", "--lerning-rate", "3"], /Did you mean --learning-rate\?/],
    [["--versoin"], /Did you mean --version\?/],
    [["train", "--set", "epohcs=3"], /Did you mean epochs\?/],
    [["train", "--epochs"], /argument missing/],
    [["train", "superfluous"], /too many arguments/],
    [["data", "info", "superfluous"], /too many arguments/],
    [["help", "trian"], /Did you mean train\?/],
    [["trian", "--help"], /Did you mean train\?/],
    [["data", "fecth", "--help"], /Did you mean fetch\?/],
    [["train", "-epochs", "3"], /Did you mean --epochs\?/],
    [["train", "--learning_rate", "3"], /Did you mean --learning-rate\?/],
    [["train", "--halting", "sotf"], /--halting: "sotf"\. Did you mean soft\? Give exit or soft or repeat-k/],
    [["train", "--set", "device=gup"], /Did you mean gpu\?/],
    [["config", "shwo"], /Did you mean show\?/],
    [["config", "show", "trian"], /Did you mean train\?/],
  ];
  for (const [args, pattern] of cases) {
    const { code, stdout, stderr } = await runProgram(args);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.equal(stdout, "");
    assert.match(stderr, pattern);
    assert.equal(stderr.split("\n").length, 2, stderr);
    assert.ok(stderr.startsWith("error: C"), stderr);
  }
});

Deno.test("values out of range name the flag and the range", async () => {
  const cases: readonly (readonly [readonly string[], RegExp])[] = [
    [["--epochs", "0"], /--epochs: "0"\. Give a whole number from 1 to/],
    [["--dropout", "1"], /--dropout: "1"\. Give a number from 0 to 0\.99/],
    [["--learning-rate", "-1"], /--learning-rate: "-1"/],
    [["--seed", "1.5"], /--seed: "1\.5"\. Give a whole number/],
    [["--seed", "9007199254740993"], /--seed/],
    [["--halting", "hard"], /--halting: "hard"\. Give exit or soft/],
    [["--device", "tpu"], /--device: "tpu"/],
    [["--d-model", "7"], /heads/],
    [["--data", ""], /--data: ""/],
  ];
  for (const [args, pattern] of cases) {
    const { code, stderr } = await runProgram(["train", ...args]);
    assert.equal(code, 2, `${args.join(" ")}: ${stderr}`);
    assert.match(stderr, pattern);
  }
});

Deno.test("an environment variable that no option knows is warned of", async () => {
  const { stderr } = await runProgram(["classify"], { env: { EPSILON_LERNING_RATE: "1" } });
  assert.match(stderr, /^warning: EPSILON_LERNING_RATE has no meaning\. Did you mean EPSILON_LEARNING_RATE\?/);
});

Deno.test("control characters of an argument are shown, not obeyed", async () => {
  const { stderr } = await runProgram(["train", "--halting", "\x1b[31m"]);
  assert.ok(!stderr.includes("\x1b"));
  assert.match(stderr, /\\u\{1b\}\[31m/);
});

Deno.test("EPSILON_DEBUG shows where a failure came from, and nothing else does", async () => {
  assert.doesNotMatch((await runProgram(["train", "--epochs", "0"])).stderr, /\n\s+at /);
  const { stderr, code } = await runProgram(["train", "--epochs", "0"], { env: { EPSILON_DEBUG: "1" } });
  assert.equal(code, 2);
  assert.match(stderr, /\n\s+at /);
});

Deno.test("a full disk behind standard output is a file error", { ignore: Deno.build.os !== "linux" }, async () => {
  const { code, stderr } = await runShell('"$@" > /dev/full', ["--version"]);
  assert.equal(code, 3);
  assert.match(stderr, /^error: Cannot write the result: standard output: No space left/);
});

Deno.test("a reader of the help that leaves at once ends the program quietly", async () => {
  const { code, stderr } = await runShell('set -o pipefail; "$@" | true', ["train", "--help"]);
  assert.deepEqual([code, stderr], [0, ""]);
});
